-- Where both knew the same, the warehouse and the trader agree on equity to a millionth of a dollar
-- (the precision of the trader's columns). A returned row is a difference between the two books.
select
    cycle_id,
    mode,
    realized_difference_usd,
    unrealized_difference_usd
from {{ ref("op_equity_tie_out") }}
where
    is_comparable
    and (
        abs(equity_difference_usd) > 0.000001
        or abs(realized_difference_usd) > 0.000001
        or abs(unrealized_difference_usd) > 0.000001
    )
