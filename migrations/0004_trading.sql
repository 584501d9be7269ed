-- Predictions, signals, risk decisions, orders, fills, positions, settlements, capital.
-- migrate:up
create table ops.predictions (
    prediction_id bigint generated always as identity,
    decided_at timestamptz not null,
    cycle_id bigint not null references ops.cycles,
    event_ticker text not null,
    city_code text not null references ops.cities,
    market_type ops.market_type not null,
    climate_date date not null,
    strategy_name text not null,
    strategy_version text not null,
    distribution jsonb not null,
    mean_f double precision not null,
    sd_f double precision not null,
    p10_f integer not null,
    p50_f integer not null,
    p90_f integer not null,
    source text not null,
    issued_at timestamptz not null,
    lead_h double precision not null,
    observed_extreme_f double precision,
    features jsonb not null,
    recorded_at timestamptz not null,
    primary key (decided_at, prediction_id)
) partition by range (decided_at);
comment on table ops.predictions is
'One distribution of the settled whole degree per event, strategy and cycle. distribution: {start, ppm, mean_f, sd_f}.';
create index predictions_event on ops.predictions (event_ticker, decided_at desc);
create index predictions_cycle on ops.predictions (cycle_id);
select ops.append_only('ops.predictions');

create table ops.signals (
    signal_id bigint generated always as identity,
    decided_at timestamptz not null,
    cycle_id bigint not null references ops.cycles,
    mode ops.trading_mode not null,
    ticker text not null,
    event_ticker text not null,
    city_code text not null references ops.cities,
    market_type ops.market_type not null,
    climate_date date not null,
    strategy_name text not null,
    strategy_version text not null,
    p_yes numeric check (p_yes between 0 and 1),
    uncertainty double precision,
    decision ops.decision not null,
    side ops.order_side,
    price numeric,
    limit_price numeric,
    fee numeric,
    edge numeric,
    qty numeric not null check (qty >= 0),
    reasons text[] not null check (cardinality(reasons) > 0),
    recorded_at timestamptz not null,
    primary key (decided_at, signal_id),
    check (decision = 'HOLD' or (p_yes is not null and side is not null and price is not null))
) partition by range (decided_at);
comment on table ops.signals is
'A strategy''s word on one contract in one cycle. price, fee, edge: dollars per contract of side after fees at the executable price.';
create index signals_ticker on ops.signals (ticker, decided_at desc);
create index signals_cycle on ops.signals (cycle_id);
select ops.append_only('ops.signals');

create table ops.risk_decisions (
    risk_decision_id bigint generated always as identity primary key,
    cycle_id bigint not null references ops.cycles,
    decided_at timestamptz not null,
    ticker text not null,
    side ops.order_side not null,
    asked_qty numeric not null,
    allowed_qty numeric not null,
    reasons text[] not null check (cardinality(reasons) > 0),
    caps jsonb not null,
    recorded_at timestamptz not null,
    check (allowed_qty between 0 and asked_qty)
);
comment on table ops.risk_decisions is 'What the risk engine did with each wish: every cap with its values in dollars.';
create index risk_decisions_cycle on ops.risk_decisions (cycle_id);
select ops.append_only('ops.risk_decisions');

create table ops.orders (
    order_id bigint generated always as identity primary key,
    client_order_id text not null unique,
    intent_key text not null unique,
    kalshi_order_id text unique,
    epoch bigint not null references ops.epochs,
    cycle_id bigint references ops.cycles,
    mode ops.trading_mode not null,
    ticker text not null,
    event_ticker text not null,
    city_code text not null references ops.cities,
    side ops.order_side not null,
    action ops.order_action not null,
    status ops.order_status not null,
    qty numeric not null check (qty > 0),
    filled_qty numeric not null default 0 check (filled_qty between 0 and qty),
    limit_price numeric not null check (limit_price between 0 and 1),
    worst_usd numeric not null check (worst_usd >= 0),
    time_in_force text not null check (
        time_in_force in ('immediate_or_cancel', 'good_till_canceled')
    ),
    expires_at timestamptz,
    slot text not null,
    attempt integer not null check (attempt >= 1),
    strategy_name text,
    strategy_version text,
    signal_id bigint,
    signal_at timestamptz,
    is_foreign boolean not null default false,
    reject_code text,
    created_at timestamptz not null,
    sent_at timestamptz,
    updated_at timestamptz not null,
    foreign key (signal_at, signal_id) references ops.signals (decided_at, signal_id),
    check ((signal_id is null) = (signal_at is null)),
    check (time_in_force <> 'good_till_canceled' or expires_at is not null or is_foreign)
);
comment on table ops.orders is
'Every order, committed before its first byte leaves. limit_price: dollars per contract of side; '
'worst_usd: cost plus fee reserved; intent_key: hash of account, mode, ticker, side, action, slot, version, attempt.';
create index orders_open on ops.orders (status)
where status not in ('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED');
create index orders_slot on ops.orders (slot);
create index orders_ticker on ops.orders (ticker, created_at);

create table ops.order_events (
    order_event_id bigint generated always as identity primary key,
    order_id bigint not null references ops.orders,
    epoch bigint not null references ops.epochs,
    from_status ops.order_status,
    to_status ops.order_status not null,
    evidence text not null,
    detail jsonb not null default '{}',
    occurred_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.order_events is 'Every transition of every order with the evidence for it.';
create index order_events_order on ops.order_events (order_id, order_event_id);
create index order_events_rejects on ops.order_events (occurred_at)
where to_status = 'REJECTED';
select ops.append_only('ops.order_events');

create table ops.fills (
    fill_id text primary key,
    order_id bigint not null references ops.orders,
    kalshi_order_id text not null,
    epoch bigint not null references ops.epochs,
    mode ops.trading_mode not null,
    ticker text not null,
    side ops.order_side not null,
    action ops.order_action not null,
    qty numeric not null check (qty > 0),
    price numeric not null check (price between 0 and 1),
    fee numeric not null,
    is_taker boolean not null,
    filled_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.fills is
'Executions by the exchange''s fill id. price: dollars per contract of the order''s side; fee: dollars of the whole fill.';
create index fills_time on ops.fills (filled_at);
create index fills_order on ops.fills (order_id);
create index fills_ticker on ops.fills (ticker);
select ops.append_only('ops.fills');

create table ops.positions (
    mode ops.trading_mode not null,
    ticker text not null,
    event_ticker text not null,
    city_code text not null references ops.cities,
    side ops.order_side not null,
    qty numeric not null check (qty >= 0),
    avg_entry numeric not null,
    avg_exit numeric,
    cost_usd numeric not null,
    realized_pnl_usd numeric not null,
    fees_usd numeric not null,
    status ops.position_status not null,
    opened_at timestamptz not null,
    closed_at timestamptz,
    updated_at timestamptz not null,
    primary key (mode, ticker),
    check ((status = 'OPEN') = (qty > 0)),
    check ((status = 'OPEN') = (closed_at is null))
);
comment on table ops.positions is 'Net holding per market and mode; realized_pnl_usd is after all fees paid so far.';

create table ops.settlements (
    mode ops.trading_mode not null,
    ticker text not null,
    event_ticker text not null,
    result text not null check (result in ('yes', 'no')),
    yes_qty numeric not null,
    no_qty numeric not null,
    revenue_usd numeric not null,
    settled_at timestamptz not null,
    recorded_at timestamptz not null,
    epoch bigint not null references ops.epochs,
    primary key (mode, ticker)
);
comment on table ops.settlements is 'What the exchange paid per market we held.';
select ops.append_only('ops.settlements');

create table ops.capital_events (
    capital_event_id bigint generated always as identity primary key,
    mode ops.trading_mode not null,
    kind text not null check (kind in ('START', 'DEPOSIT', 'WITHDRAWAL', 'INTEREST', 'CREDIT')),
    amount_usd numeric not null,
    occurred_at timestamptz not null,
    note text not null default '',
    set_by text not null,
    recorded_at timestamptz not null
);
comment on table ops.capital_events is 'Cash that is not trading; START is the capital a mode''s account began with.';
create unique index capital_events_one_start on ops.capital_events (mode) where kind = 'START';
select ops.append_only('ops.capital_events');

grant select, insert on ops.predictions, ops.signals, ops.risk_decisions, ops.orders,
ops.order_events, ops.fills, ops.positions, ops.settlements,
ops.capital_events to milkbot_trader;
grant update on ops.orders, ops.positions to milkbot_trader;
grant select on ops.predictions, ops.signals, ops.risk_decisions, ops.orders,
ops.order_events, ops.fills, ops.positions, ops.settlements,
ops.capital_events to milkbot_dbt, milkbot_backup;

-- migrate:down
drop table ops.capital_events, ops.settlements, ops.positions, ops.fills, ops.order_events,
ops.orders, ops.risk_decisions, ops.signals, ops.predictions;
