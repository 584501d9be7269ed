-- The newest row of a market, event or city ends the search: with the number that breaks ties in
-- the index, nothing is sorted. Before, each look at the board read and sorted days of quotes.
-- migrate:up
create index market_snapshots_newest
on ops.market_snapshots (ticker, captured_at desc, market_snapshot_id desc);
create index predictions_newest on ops.predictions (event_ticker, decided_at desc, prediction_id);
create index weather_snapshots_newest
on ops.weather_snapshots (city_code, captured_at desc, weather_snapshot_id desc);
drop index ops.market_snapshots_ticker;
drop index ops.predictions_event;
drop index ops.weather_snapshots_city;

-- migrate:down
create index market_snapshots_ticker on ops.market_snapshots (ticker, captured_at desc);
create index predictions_event on ops.predictions (event_ticker, decided_at desc);
create index weather_snapshots_city on ops.weather_snapshots (city_code, captured_at desc);
drop index ops.weather_snapshots_newest;
drop index ops.predictions_newest;
drop index ops.market_snapshots_newest;
