-- A signal is found by its number: numbers grow with time, so a block range index is enough.
-- migrate:up
create index signals_number on ops.signals using brin (signal_id) with (pages_per_range = 16);
create index orders_signal on ops.orders (signal_id) where signal_id is not null;

-- migrate:down
drop index ops.orders_signal, ops.signals_number;
