-- Cities, grid cells, payloads, the world clock: what facts refer to.
-- migrate:up
create type ops.trading_mode as enum ('SHADOW', 'DEMO', 'LIVE');
create type ops.market_type as enum ('HIGH', 'LOW', 'RAIN', 'SNOW');
create type ops.order_side as enum ('YES', 'NO');
create type ops.order_action as enum ('OPEN', 'REDUCE');
create type ops.decision as enum ('BUY', 'SELL', 'HOLD');
create type ops.order_status as enum (
    'CREATED', 'DENIED', 'SUBMITTING', 'UNKNOWN', 'RESTING', 'PARTIALLY_FILLED', 'PENDING_CANCEL',
    'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED'
);
create type ops.position_status as enum ('OPEN', 'CLOSED', 'SETTLED');
create type ops.severity as enum ('INFO', 'WARNING', 'CRITICAL');
create type ops.component as enum (
    'trader', 'analytics', 'dashboard', 'kalshi_api', 'nws_api', 'database'
);
create type ops.component_status as enum ('ok', 'degraded', 'down', 'unknown');
create type ops.trading_state_name as enum ('ACTIVE', 'REDUCE_ONLY', 'HALTED');

create function ops.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'ops.% is append-only: % refused; write a new row instead', tg_table_name, tg_op
        using errcode = 'restrict_violation';
end
$$;
comment on function ops.refuse_change() is 'Trigger of append-only tables: no update, delete or truncate, for anybody.';

create function ops.append_only(relation regclass) returns void language plpgsql as $$
begin
    execute format(
        'create trigger append_only before update or delete on %s'
        ' for each row execute function ops.refuse_change()',
        relation
    );
    execute format(
        'create trigger append_only_truncate before truncate on %s'
        ' for each statement execute function ops.refuse_change()',
        relation
    );
end
$$;
comment on function ops.append_only(regclass) is 'Make a table append-only; used by migrations.';
revoke execute on function ops.append_only(regclass) from public;

create function ops.ensure_partitions(first_day date, months integer) returns integer
language plpgsql security definer set search_path = pg_catalog, ops as $$
declare
    parent text;
    child text;
    month_start date;
    bound text;
    made integer := 0;
begin
    if months not between 1 and 24 then
        raise exception 'ensure_partitions: expected 1 to 24 months, found %', months;
    end if;
    foreach parent in array
        array['payloads', 'weather_snapshots', 'market_snapshots', 'predictions', 'signals']
    loop
        -- a bound of timestamptz says its zone: the months are UTC whatever the session's zone is
        bound := case when parent = 'payloads' then '' else ' 00:00:00+00' end;
        for step in 0..months - 1 loop
            month_start := (date_trunc('month', first_day) + make_interval(months => step))::date;
            child := parent || '_' || to_char(month_start, 'YYYYMM');
            continue when to_regclass(format('ops.%I', child)) is not null;
            execute format(
                'create table ops.%I partition of ops.%I for values from (%L) to (%L)',
                child, parent, month_start::text || bound,
                (month_start + interval '1 month')::date::text || bound
            );
            -- triggers for rows come with the parent, those for truncate do not
            execute format(
                'create trigger append_only_truncate before truncate on ops.%I'
                ' for each statement execute function ops.refuse_change()',
                child
            );
            made := made + 1;
        end loop;
    end loop;
    return made;
end
$$;
comment on function ops.ensure_partitions(date, integer)
is 'Make monthly partitions (UTC months) from the month of first_day on; returns how many were missing.';
revoke execute on function ops.ensure_partitions(date, integer) from public;
grant execute on function ops.ensure_partitions(date, integer) to milkbot_trader;

create table ops.cities (
    city_code text primary key check (city_code ~ '^[A-Z]{3}$'),
    position smallint not null unique,
    name text not null,
    timezone text not null,
    std_utc_offset_hours smallint not null check (std_utc_offset_hours between -12 and 14),
    cluster text not null check (cluster in ('NE', 'SE', 'Midwest', 'Mountain', 'West')),
    region text not null check (region in ('NORTHEAST', 'SOUTH', 'MIDWEST', 'WEST')),
    settlement_station text not null,
    latitude double precision not null,
    longitude double precision not null,
    updated_at timestamptz not null
);
comment on table ops.cities is 'The ten cities as in trader/cities.json, copied at start; position is the fixed display order.';

create table ops.grid_cells (
    grid_cell_id bigint generated always as identity primary key,
    city_code text not null references ops.cities,
    office text not null,
    grid_x integer not null,
    grid_y integer not null,
    holds_station boolean not null,
    resolved_at timestamptz not null,
    recorded_at timestamptz not null
);
comment on table ops.grid_cells is 'Each resolution of a city''s NWS grid cell; the newest row holds.';
create index grid_cells_city on ops.grid_cells (city_code, resolved_at desc);
select ops.append_only('ops.grid_cells');

create table ops.payloads (
    month date not null check (extract(day from month) = 1),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    content_type text not null,
    body_json jsonb,
    body_text text,
    received_at timestamptz not null,
    primary key (month, sha256),
    check ((body_json is null) <> (body_text is null))
) partition by range (month);
comment on table ops.payloads is
'Bodies as received, stored once a month by the sha256 of the bytes: JSON as jsonb, text products as text.';
select ops.append_only('ops.payloads');

create table ops.world_clock (
    singleton boolean primary key default true check (singleton),
    world text not null,
    world_now timestamptz not null,
    updated_at timestamptz not null
);
comment on table ops.world_clock is
'One row only in demos and backtests: the recorded world''s name and time. as_of() = least(now(), world_now).';

grant select, insert, update on ops.cities, ops.world_clock to milkbot_trader;
grant select, insert on ops.grid_cells, ops.payloads to milkbot_trader;
grant select on ops.cities, ops.grid_cells, ops.payloads, ops.world_clock
to milkbot_dbt, milkbot_backup;

-- migrate:down
drop table ops.world_clock, ops.payloads, ops.grid_cells, ops.cities;
drop function ops.ensure_partitions(date, integer);
drop function ops.append_only(regclass);
drop function ops.refuse_change();
drop type ops.trading_state_name, ops.component_status, ops.component, ops.severity,
ops.position_status, ops.order_status, ops.decision, ops.order_action,
ops.order_side, ops.market_type, ops.trading_mode;
