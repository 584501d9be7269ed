-- What an order's safety needs beside its status, halts in force, figures that never cost more.
-- migrate:up
alter table ops.orders
add column booked_qty numeric not null default 0 check (booked_qty between 0 and filled_qty),
add column absent_at timestamptz,
add column is_post_only boolean not null default false;
comment on column ops.orders.booked_qty is
'Contracts whose fills are rows of ops.fills. What is filled and not booked still counts in exposure.';
comment on column ops.orders.absent_at is
'When a complete listing first lacked this order after its end; a second one proves that it does not exist.';
comment on column ops.orders.is_post_only is 'Refused by the exchange where it would have taken: it only ever rests.';
update ops.orders set
    booked_qty = booked.qty,
    filled_qty = greatest(orders.filled_qty, booked.qty)
from (
    select
        order_id,
        sum(qty) as qty
    from ops.fills
    group by order_id
) as booked
where orders.order_id = booked.order_id;
drop index ops.orders_open;
create index orders_live on ops.orders (mode, order_id)
where status not in ('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED')
or filled_qty > booked_qty;

create table ops.halts (
    mode ops.trading_mode not null,
    scope text not null check (scope ~ '^(book|city:[A-Z]{3}|market:.+)$'),
    reason text not null,
    trading_state_id bigint not null references ops.trading_state,
    state ops.trading_state_name not null,
    note text not null,
    set_by text not null,
    set_at timestamptz not null,
    until timestamptz,
    lifted_at timestamptz,
    primary key (mode, scope, reason)
);
comment on table ops.halts is
'The newest row of ops.trading_state per (mode, scope, reason), so that reading what is in force does not '
'depend on how much ever was; lifted_at is the last time it was lifted.';
create index halts_in_force on ops.halts (mode) where state <> 'ACTIVE';
insert into ops.halts (
    mode, scope, reason, trading_state_id, state, note, set_by, set_at, until, lifted_at
)
select distinct on (s.mode, s.scope, s.reason)
    s.mode,
    s.scope,
    s.reason,
    s.trading_state_id,
    s.state,
    s.note,
    s.set_by,
    s.set_at,
    s.until,
    (
        select max(lifted.set_at) from ops.trading_state as lifted
        where
            (lifted.mode, lifted.scope, lifted.reason) = (s.mode, s.scope, s.reason)
            and lifted.state = 'ACTIVE'
    ) as lifted_at
from ops.trading_state as s
order by s.mode asc, s.scope asc, s.reason asc, s.trading_state_id desc;

alter table ops.reconciliation_breaks add column ticker text;
comment on column ops.reconciliation_breaks.ticker is 'The market it froze; null froze the whole book.';
create index reconciliation_breaks_latest
on ops.reconciliation_breaks (mode, kind, key, break_id desc);

alter table ops.cycles add column peak_profit_usd numeric;
comment on column ops.cycles.peak_profit_usd is
'Highest realised plus unrealised profit so far, or since the drawdown halt was last lifted.';
create index cycles_equity on ops.cycles (mode, finished_at desc, cycle_id desc)
where equity_usd is not null;

create table ops.profit_totals (
    mode ops.trading_mode primary key,
    realized_pnl_usd numeric not null,
    updated_at timestamptz not null
);
comment on table ops.profit_totals is
'Sum of realized_pnl_usd of ops.positions, moved with each position; reconciliation ties it to the cash.';
insert into ops.profit_totals (mode, realized_pnl_usd, updated_at)
select
    mode,
    sum(realized_pnl_usd) as realized_pnl_usd,
    max(updated_at) as updated_at
from ops.positions
group by mode;
create index positions_open on ops.positions (mode, ticker) where status = 'OPEN';
create index fills_latest on ops.fills (mode, filled_at);
create index settlements_latest on ops.settlements (mode, settled_at);

grant select, insert, update on ops.halts, ops.profit_totals to milkbot_trader;
grant select on ops.halts, ops.profit_totals to milkbot_dbt, milkbot_backup;

-- migrate:down
drop index ops.settlements_latest, ops.fills_latest, ops.positions_open, ops.cycles_equity,
ops.reconciliation_breaks_latest;
drop table ops.profit_totals, ops.halts;
alter table ops.cycles drop column peak_profit_usd;
alter table ops.reconciliation_breaks drop column ticker;
drop index ops.orders_live;
create index orders_open on ops.orders (status)
where status not in ('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED');
alter table ops.orders drop column is_post_only, drop column absent_at, drop column booked_qty;
