-- Rain, snow and times of climate reports; a published result that is corrected is a further row.
-- migrate:up
alter table ops.climate_reports
add column high_at time,
add column low_at time,
add column rain text check (rain ~ '^(T|[0-9]+\.[0-9]{2})$'),
add column rain_month text check (rain_month ~ '^(T|[0-9]+\.[0-9]{2})$'),
add column snow text check (snow ~ '^(T|[0-9]+\.[0-9])$'),
add column snow_month text check (snow_month ~ '^(T|[0-9]+\.[0-9])$'),
add column oddities text[] not null default '{}';
comment on table ops.climate_reports is
'Every version of every daily climate report; whole degrees Fahrenheit, times of day in local standard time, '
'inches as printed with T for a trace. Oddities are contradictions inside the report.';
create index climate_reports_pil on ops.climate_reports (pil, climate_date, issued_at);

alter table ops.market_results drop constraint market_results_pkey;
alter table ops.market_results add primary key (ticker, recorded_at);
comment on table ops.market_results is
'Published outcome of each market we watch, traded or not, beside the outcome our settlement function gives; '
'a correction is a further row, the newest holds.';

-- migrate:down
alter table ops.market_results disable trigger all;
delete from ops.market_results as r
where exists (
    select 1 from ops.market_results as newer
    where newer.ticker = r.ticker and newer.recorded_at > r.recorded_at
);
alter table ops.market_results enable trigger all;
alter table ops.market_results drop constraint market_results_pkey;
alter table ops.market_results add primary key (ticker);
comment on table ops.market_results is
'Published outcome of each market we watch, traded or not, beside the outcome our settlement function gives.';

drop index ops.climate_reports_pil;
comment on table ops.climate_reports is 'Every version of every daily climate report; values in whole degrees Fahrenheit.';
alter table ops.climate_reports
drop column high_at,
drop column low_at,
drop column rain,
drop column rain_month,
drop column snow,
drop column snow_month,
drop column oddities;
