-- What the trader noticed; how far a grid cell is; which transfer an event is.
-- migrate:up
create table ops.alarms (
    mode ops.trading_mode not null,
    code text not null,
    subject text not null,
    severity ops.severity not null,
    message text not null,
    opened_at timestamptz not null,
    closed_at timestamptz,
    recorded_at timestamptz not null,
    primary key (mode, code, subject),
    check (closed_at is null or closed_at >= opened_at)
);
comment on table ops.alarms is
'One row per thing that was ever noticed: open while closed_at is null, opened anew when it comes back. '
'Each opening and each end is also a row of ops.risk_events.';
create index alarms_open on ops.alarms (mode) where closed_at is null;

alter table ops.grid_cells add column distance_km double precision not null default 0
check (distance_km >= 0);
comment on column ops.grid_cells.distance_km is
'From the station to the cell''s polygon: 0 when it holds the station.';

alter table ops.capital_events add column ref text;
comment on column ops.capital_events.ref is
'The exchange''s own id of a deposit or withdrawal; null where it names none.';
create unique index capital_events_ref on ops.capital_events (mode, ref) where ref is not null;

grant select, insert, update on ops.alarms to milkbot_trader;
grant select on ops.alarms to milkbot_dbt, milkbot_backup;

-- migrate:down
drop index ops.capital_events_ref;
alter table ops.capital_events drop column ref;
alter table ops.grid_cells drop column distance_km;
drop table ops.alarms;
