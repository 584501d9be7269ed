-- The board finds a city's contracts by the day; types are compared as text there, which no index
-- on the enum can serve, so the day comes before the type.
-- migrate:up
create index contracts_city_day on ops.contracts (city_code, climate_date, market_type);
drop index ops.contracts_city_date;

-- migrate:down
create index contracts_city_date on ops.contracts (city_code, market_type, climate_date);
drop index ops.contracts_city_day;
