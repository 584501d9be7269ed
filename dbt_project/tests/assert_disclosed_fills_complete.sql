-- Every fill older than the delay is disclosed: none is missing. A returned row is an old fill
-- that the public does not see. (That none is there too early is assert_public_trades_delayed.)
-- Five minutes of grace are the time between two refreshes.
select fills.fill_id
from {{ ref("stg_ops__fills") }} as fills
left join {{ ref("int_trades__disclosed_fills") }} as disclosed on fills.fill_id = disclosed.fill_id
where
    disclosed.fill_id is null
    and fills.filled_at <= {{ disclosed_until() }} - interval '5 minutes'
