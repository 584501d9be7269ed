-- What a refresh of the warehouse looks for: rows learnt since, results and cycles since.
-- migrate:up
create index fills_recorded on ops.fills (recorded_at);
create index settlements_recorded on ops.settlements (recorded_at);
create index settlements_settled on ops.settlements (settled_at);
create index market_results_recorded on ops.market_results (recorded_at);
create index market_results_determined on ops.market_results (determined_at);
create index market_results_event on ops.market_results (event_ticker);
create index contracts_first_seen on ops.contracts (first_seen_at);
create index contracts_close on ops.contracts (close_time);
create index cycles_finished on ops.cycles (finished_at);
create index signal_explanations_created on ops.signal_explanations (created_at);
create index signal_explanations_recorded on ops.signal_explanations (recorded_at);
create index anomalies_occurred on ops.anomalies (occurred_at);
create index anomalies_recorded on ops.anomalies (recorded_at);

-- migrate:down
drop index ops.fills_recorded, ops.settlements_recorded, ops.settlements_settled,
ops.market_results_recorded, ops.market_results_determined, ops.market_results_event,
ops.contracts_first_seen, ops.contracts_close, ops.cycles_finished,
ops.signal_explanations_created, ops.signal_explanations_recorded, ops.anomalies_occurred,
ops.anomalies_recorded;
