-- No fill younger than 60 minutes is in the table behind every public figure, nor in the public
-- view. A returned row is a leak. The 60 is written out here: changing the variable must fail
-- this test.
select 'int_trades__disclosed_fills' as relation
from {{ ref("int_trades__disclosed_fills") }}
where filled_at > {{ as_of() }} - interval '60 minutes'
union all
select 'v_public_trades' as relation
from {{ ref("v_public_trades") }}
where fill_time > {{ as_of() }} - interval '60 minutes'
union all
select 'equity_curve' as relation
from {{ ref("equity_curve") }}
where timestamp > {{ as_of() }} - interval '60 minutes'
