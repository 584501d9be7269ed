-- The advisor and the watch get roles of their own; what the advisor costs; pre-registered gates.
-- migrate:up
create table ops.advisor_calls (
    advisor_call_id bigint generated always as identity primary key,
    purpose text not null check (purpose in ('explanation', 'anomaly')),
    model text not null,
    outcome text not null check (outcome in ('ok', 'unusable', 'refused', 'no_answer')),
    prompt_tokens integer check (prompt_tokens >= 0),
    completion_tokens integer check (completion_tokens >= 0),
    cost_usd numeric not null check (cost_usd >= 0),
    called_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.advisor_calls is
'One row per request to the language model. cost_usd: as billed, or the worst case where no bill was readable.';
create index advisor_calls_time on ops.advisor_calls (called_at);
select ops.append_only('ops.advisor_calls');

alter table ops.anomalies
add column event_ticker text,
add column figures jsonb not null default '{}',
add column model_class text check (model_class in ('NORMAL', 'SUSPICIOUS', 'ALERT'));
comment on column ops.anomalies.figures is 'The numbers the rule saw.';
comment on column ops.anomalies.model_class is 'What the model would have called it; class is the rule''s.';
create index anomalies_latest on ops.anomalies (ticker, kind, anomaly_id desc);
create index signal_explanations_signal on ops.signal_explanations (signal_at, signal_id);

alter table ops.approvals drop constraint approvals_verdict_check;
alter table ops.approvals add constraint approvals_verdict_check check (
    verdict in ('pass', 'fail', 'not_enough_data', 'override', 'registered')
);
create index approvals_latest on ops.approvals (kind, approval_id desc);

-- Trading cannot read what a model wrote, even by mistake.
revoke select, insert on ops.signal_explanations, ops.anomalies from milkbot_trader;

grant usage on schema ops to milkbot_advisor, milkbot_watch;
grant select on ops.cities, ops.contracts, ops.cycles, ops.world_clock, ops.market_snapshots,
ops.predictions, ops.signals, ops.risk_decisions to milkbot_advisor;
grant select, insert on ops.signal_explanations, ops.anomalies, ops.advisor_calls
to milkbot_advisor;
grant select on all tables in schema ops to milkbot_watch;
grant select on ops.advisor_calls to milkbot_dbt, milkbot_backup;

-- migrate:down
revoke all on all tables in schema ops from milkbot_watch, milkbot_advisor;
revoke usage on schema ops from milkbot_watch, milkbot_advisor;
grant select, insert on ops.signal_explanations, ops.anomalies to milkbot_trader;
drop index ops.approvals_latest;
alter table ops.approvals disable trigger append_only;
delete from ops.approvals
where verdict = 'registered';
alter table ops.approvals enable trigger append_only;
alter table ops.approvals drop constraint approvals_verdict_check;
alter table ops.approvals add constraint approvals_verdict_check check (
    verdict in ('pass', 'fail', 'not_enough_data', 'override')
);
drop index ops.signal_explanations_signal;
drop index ops.anomalies_latest;
alter table ops.anomalies drop column model_class, drop column figures, drop column event_ticker;
drop table ops.advisor_calls;
