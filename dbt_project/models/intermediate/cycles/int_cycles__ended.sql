-- Cycles with the instant at which they ended; one that was killed halfway has no end of its own,
-- an hour after its start stands in.
select
    cycle_id,
    mode,
    started_at,
    decided_at,
    coalesce(finished_at, started_at + interval '1 hour') as ended_at
from {{ ref("stg_ops__cycles") }}
