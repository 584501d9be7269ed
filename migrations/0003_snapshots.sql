-- Epochs, cycles, and what a cycle saw: weather, climate reports, contracts, markets.
-- migrate:up
create table ops.epochs (
    epoch bigint generated always as identity primary key,
    mode ops.trading_mode not null,
    account text not null,
    command text not null,
    version text not null,
    started_at timestamptz not null,
    reconciled_at timestamptz
);
comment on table ops.epochs is
'One row per process that held the writer lock; no create before reconciled_at is set in that epoch.';

create table ops.cycles (
    cycle_id bigint generated always as identity primary key,
    epoch bigint not null references ops.epochs,
    mode ops.trading_mode not null,
    slot text not null,
    started_at timestamptz not null,
    decided_at timestamptz,
    finished_at timestamptz,
    inputs_hash text check (inputs_hash ~ '^[0-9a-f]{64}$'),
    plan_hash text check (plan_hash ~ '^[0-9a-f]{64}$'),
    context jsonb,
    plan_rest jsonb,
    starting_capital_usd numeric,
    cash_usd numeric,
    realized_pnl_usd numeric,
    unrealized_pnl_usd numeric,
    equity_usd numeric,
    summary jsonb,
    error text,
    unique (mode, slot, epoch)
);
comment on table ops.cycles is
'One row per trading cycle. context holds the inputs that have no table of their own (limits, states, '
'holdings) and names the contract versions; plan_rest what the plan has beside its tables. inputs_hash '
'and plan_hash are what replay must reproduce. Money: set at the end, marked at liquidation.';
create index cycles_started on ops.cycles (started_at);

create table ops.weather_snapshots (
    weather_snapshot_id bigint generated always as identity,
    captured_at timestamptz not null,
    cycle_id bigint references ops.cycles,
    city_code text not null references ops.cities,
    fetched_at timestamptz,
    climate_date date not null,
    observed_at timestamptz,
    temp_f double precision check (temp_f between -80 and 140),
    high_so_far_f double precision,
    high_so_far_at timestamptz,
    low_so_far_f double precision,
    low_so_far_at timestamptz,
    forecasts jsonb not null,
    is_fetch_stale boolean not null,
    is_observation_stale boolean not null,
    is_forecast_stale boolean not null,
    problems text[] not null default '{}',
    payload_hashes text[] not null default '{}',
    snapshot jsonb not null,
    recorded_at timestamptz not null,
    primary key (captured_at, weather_snapshot_id)
) partition by range (captured_at);
comment on table ops.weather_snapshots is
'What one cycle knew of one city, degrees Fahrenheit; snapshot is the whole model as decided upon.';
create index weather_snapshots_city on ops.weather_snapshots (city_code, captured_at desc);
create index weather_snapshots_cycle on ops.weather_snapshots (cycle_id);
select ops.append_only('ops.weather_snapshots');

create table ops.climate_reports (
    climate_report_id bigint generated always as identity primary key,
    pil text not null,
    city_code text references ops.cities,
    climate_date date,
    issued_at timestamptz not null,
    status text not null check (
        status in ('preliminary', 'final_first', 'final_revised', 'refused')
    ),
    high_f integer,
    low_f integer,
    refusal text,
    text_sha256 text not null check (text_sha256 ~ '^[0-9a-f]{64}$'),
    text_month date not null,
    recorded_at timestamptz not null,
    unique (pil, issued_at, text_sha256)
);
comment on table ops.climate_reports is 'Every version of every daily climate report; values in whole degrees Fahrenheit.';
create index climate_reports_day on ops.climate_reports (city_code, climate_date, issued_at);
select ops.append_only('ops.climate_reports');

create table ops.contracts (
    ticker text not null,
    terms_hash text not null check (terms_hash ~ '^[0-9a-f]{64}$'),
    event_ticker text not null,
    series_ticker text not null,
    city_code text not null references ops.cities,
    market_type ops.market_type not null,
    climate_date date not null,
    label text not null,
    lo integer,
    hi integer,
    open_time timestamptz not null,
    close_time timestamptz not null,
    rules_text text not null,
    rules_url text not null,
    rules_hash text not null check (rules_hash ~ '^[0-9a-f]{64}$'),
    settlement_source text not null,
    station text not null,
    fee_type text not null,
    fee_multiplier numeric not null check (fee_multiplier >= 0),
    tick numeric not null,
    proof text[] not null default '{}',
    first_seen_at timestamptz not null,
    primary key (ticker, terms_hash),
    check (lo is null or hi is null or lo <= hi)
);
comment on table ops.contracts is
'Terms of each market, a row per version. Wins for whole values in [lo, hi], null is an open end; '
'proof is empty when the rules text proves station, variable, date and source.';
create index contracts_event on ops.contracts (event_ticker);
create index contracts_city_date on ops.contracts (city_code, market_type, climate_date);
select ops.append_only('ops.contracts');

create table ops.market_snapshots (
    market_snapshot_id bigint generated always as identity,
    captured_at timestamptz not null,
    cycle_id bigint references ops.cycles,
    ticker text not null,
    event_ticker text not null,
    city_code text not null references ops.cities,
    market_type ops.market_type not null,
    climate_date date not null,
    status text not null,
    yes_bid numeric check (yes_bid between 0 and 1),
    yes_ask numeric check (yes_ask between 0 and 1),
    volume numeric not null,
    open_interest numeric not null,
    close_time timestamptz not null,
    rules_url text not null,
    terms_hash text not null,
    book jsonb,
    payload_hash text,
    recorded_at timestamptz not null,
    primary key (captured_at, market_snapshot_id),
    foreign key (ticker, terms_hash) references ops.contracts (ticker, terms_hash)
) partition by range (captured_at);
comment on table ops.market_snapshots is
'One market at one instant. Prices in dollars per YES contract, null where no price stood. '
'book: {captured_at, yes_bids: [[price, size]], no_bids: [[price, size]]} best first, null when there was none.';
create index market_snapshots_ticker on ops.market_snapshots (ticker, captured_at desc);
create index market_snapshots_city on ops.market_snapshots (city_code, captured_at desc);
create index market_snapshots_cycle on ops.market_snapshots (cycle_id);
select ops.append_only('ops.market_snapshots');

create table ops.market_results (
    ticker text primary key,
    event_ticker text not null,
    climate_date date not null,
    result text not null check (result in ('yes', 'no')),
    value integer,
    our_value integer,
    our_result text check (our_result in ('yes', 'no')),
    determined_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.market_results is
'Published outcome of each market we watch, traded or not, beside the outcome our settlement function gives.';
select ops.append_only('ops.market_results');

grant select, insert on ops.epochs, ops.cycles, ops.weather_snapshots, ops.climate_reports,
ops.contracts, ops.market_snapshots, ops.market_results to milkbot_trader;
grant update on ops.epochs, ops.cycles to milkbot_trader;
grant select on ops.epochs, ops.cycles, ops.weather_snapshots, ops.climate_reports, ops.contracts,
ops.market_snapshots, ops.market_results to milkbot_dbt, milkbot_backup;

-- migrate:down
drop table ops.market_results, ops.market_snapshots, ops.contracts, ops.climate_reports,
ops.weather_snapshots, ops.cycles, ops.epochs;
