-- Breaks, risk events, trading states, approvals, health, advisory text.
-- migrate:up
create table ops.reconciliation_breaks (
    break_id bigint generated always as identity primary key,
    epoch bigint not null references ops.epochs,
    mode ops.trading_mode not null,
    kind text not null check (kind in ('cash', 'position', 'order', 'fill', 'settlement')),
    key text not null,
    ours text not null,
    theirs text not null,
    likely_reason text not null,
    found_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.reconciliation_breaks is 'Differences between our books and the exchange''s, both sides shown; nothing is invented to close them.';
select ops.append_only('ops.reconciliation_breaks');

create table ops.risk_events (
    risk_event_id bigint generated always as identity primary key,
    event_type text not null,
    severity ops.severity not null,
    message text not null,
    payload jsonb not null default '{}',
    mode ops.trading_mode,
    cycle_id bigint references ops.cycles,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.risk_events is 'What the operator may have to know. Kept 400 days (docs/data_model.md), not enforced yet.';
create index risk_events_time on ops.risk_events (occurred_at desc);
create index risk_events_severity on ops.risk_events (severity, occurred_at desc);
select ops.append_only('ops.risk_events');

create table ops.trading_state (
    trading_state_id bigint generated always as identity primary key,
    mode ops.trading_mode not null,
    scope text not null check (scope ~ '^(book|city:[A-Z]{3}|market:.+)$'),
    state ops.trading_state_name not null,
    reason text not null,
    note text not null,
    set_by text not null,
    set_at timestamptz not null,
    until timestamptz,
    recorded_at timestamptz not null
);
comment on table ops.trading_state is
'Halts and their ends, append-only: the newest row of a (mode, scope, reason) holds until its own end or an ACTIVE row.';
create index trading_state_latest on ops.trading_state (mode, scope, reason, trading_state_id desc);
select ops.append_only('ops.trading_state');

create table ops.approvals (
    approval_id bigint generated always as identity primary key,
    kind text not null,
    verdict text not null check (verdict in ('pass', 'fail', 'not_enough_data', 'override')),
    evidence jsonb not null,
    given_by text not null,
    given_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.approvals is 'Verdicts and overrides on going live; they switch nothing by themselves.';
select ops.append_only('ops.approvals');

create table ops.health_status (
    health_status_id bigint generated always as identity primary key,
    component ops.component not null,
    status ops.component_status not null,
    last_ok timestamptz,
    message text not null,
    checked_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.health_status is 'One row per probe of a component. Kept 90 days (docs/data_model.md), not enforced yet.';
create index health_status_component on ops.health_status (component, checked_at desc);
select ops.append_only('ops.health_status');

create table ops.signal_explanations (
    signal_explanation_id bigint generated always as identity primary key,
    signal_id bigint not null,
    signal_at timestamptz not null,
    text text not null check (length(text) <= 2000),
    author text not null,
    created_at timestamptz not null,
    recorded_at timestamptz not null,
    foreign key (signal_at, signal_id) references ops.signals (decided_at, signal_id)
);
comment on table ops.signal_explanations is 'Plain words about a signal; advisory, read by no trading code.';
select ops.append_only('ops.signal_explanations');

create table ops.anomalies (
    anomaly_id bigint generated always as identity primary key,
    city_code text references ops.cities,
    ticker text,
    class text not null check (class in ('NORMAL', 'SUSPICIOUS', 'ALERT')),
    kind text not null,
    reason text not null check (length(reason) <= 500),
    author text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.anomalies is 'Unusual market conditions, decided by rules, worded by the advisor.';
select ops.append_only('ops.anomalies');

grant select, insert on ops.reconciliation_breaks, ops.risk_events, ops.trading_state,
ops.approvals, ops.health_status, ops.signal_explanations, ops.anomalies to milkbot_trader;
grant select on ops.reconciliation_breaks, ops.risk_events, ops.trading_state, ops.approvals,
ops.health_status, ops.signal_explanations, ops.anomalies to milkbot_dbt, milkbot_backup;
grant insert on ops.approvals to milkbot_dbt;

-- migrate:down
drop table ops.anomalies, ops.signal_explanations, ops.health_status, ops.approvals,
ops.trading_state, ops.risk_events, ops.reconciliation_breaks;
