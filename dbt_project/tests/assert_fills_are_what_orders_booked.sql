-- The fills of an order add up to what the order says was booked, and never to more than it asked.
-- A returned row is an order whose two records differ.
select
    orders.order_id,
    orders.booked_qty,
    sum(fills.qty) as fills_qty
from {{ ref("stg_ops__orders") }} as orders
left join {{ ref("stg_ops__fills") }} as fills on orders.order_id = fills.order_id
group by orders.order_id, orders.booked_qty, orders.qty
having orders.booked_qty <> coalesce(sum(fills.qty), 0) or coalesce(sum(fills.qty), 0) > orders.qty
