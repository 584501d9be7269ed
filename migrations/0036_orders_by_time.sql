-- What went to the exchange on a day, without reading every order there ever was.
-- migrate:up
create index orders_created on ops.orders (created_at);

-- migrate:down
drop index ops.orders_created;
