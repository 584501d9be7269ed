-- Payouts of a market, for the warehouse: the key begins with a mode, which is compared as text.
-- migrate:up
create index settlements_ticker on ops.settlements (ticker);

-- migrate:down
drop index ops.settlements_ticker;
