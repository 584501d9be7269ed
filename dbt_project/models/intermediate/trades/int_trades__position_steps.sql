-- The ledger's arithmetic, replayed: one row per fill or payout of a market, with the position
-- after it. A market with anything new is written again from its first fill, because a late fill
-- changes every later step; markets live for days, so that is a handful of rows. A payout counts
-- like a fill: from the instant at which it is older than the delay. A corrected payout is a
-- further row that holds the difference.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key=["mode", "ticker"],
        on_schema_change="fail",
        indexes=[
            {"columns": ["mode", "ticker", "step_no"], "unique": true},
            {"columns": ["step_at"]},
            {"columns": ["valid_to"]},
            {"columns": ["known_at"]},
        ],
    )
}}

with recursive

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

settlements as not materialized (
    select
        *,
        'payout ' || mode || ' ' || ticker || ' '
        || cast(recorded_at at time zone 'UTC' as text) as event_id,
        greatest(settled_at + {{ public_delay() }}, recorded_at) as known_at
    from {{ ref("stg_ops__settlements") }}
    where settled_at <= {{ run_disclosed_until() }}
),

touched as (
    select
        mode,
        ticker
    from fills
    where changed_at > {{ changed_since() }}
    union
    select
        mode,
        ticker
    from settlements
    where
        settled_at > {{ changed_since() }} - {{ public_delay() }}
        or recorded_at > {{ changed_since() }}
),

events as (
    select
        fills.mode,
        fills.ticker,
        fills.fill_id as event_id,
        'fill' as kind,
        fills.bought_side,
        fills.qty,
        fills.bought_price,
        fills.fee,
        cast(0 as numeric) as revenue_usd,
        fills.filled_at as step_at,
        fills.disclosed_at as known_at
    from touched
    inner join fills on touched.mode = fills.mode and touched.ticker = fills.ticker
    union all
    select
        settlements.mode,
        settlements.ticker,
        settlements.event_id,
        'payout' as kind,
        null as bought_side,
        0 as qty,
        0 as bought_price,
        0 as fee,
        settlements.revenue_usd,
        settlements.settled_at as step_at,
        settlements.known_at
    from touched
    inner join settlements
        on touched.mode = settlements.mode and touched.ticker = settlements.ticker
),

-- Written out once: the recursion reads it again for every step.
numbered as materialized (
    select
        *,
        row_number() over (partition by mode, ticker order by step_at, kind, event_id) as step_no
    from events
),

walked as (
    select
        touched.mode,
        touched.ticker,
        cast(0 as bigint) as step_no,
        cast(null as text) as event_id,
        cast(null as timestamptz) as step_at,
        cast(null as timestamptz) as known_at,
        cast('YES' as text) as side,
        cast(0 as numeric) as qty,
        cast(0 as numeric) as cost_usd,
        cast(0 as numeric) as realized_delta_usd
    from touched
    union all
    select
        numbered.mode,
        numbered.ticker,
        numbered.step_no,
        numbered.event_id,
        numbered.step_at,
        numbered.known_at,
        case
            when numbered.kind = 'fill' and numbered.qty > part.closing then numbered.bought_side
            else before.side
        end as side,
        case
            when numbered.kind = 'payout' then 0
            else before.qty + numbered.qty - 2 * part.closing
        end as qty,
        case
            when numbered.kind = 'payout' then 0
            else
                before.cost_usd
                - share.released
                + (numbered.qty - part.closing) * numbered.bought_price
        end as cost_usd,
        case
            when numbered.kind = 'payout' then numbered.revenue_usd - before.cost_usd
            else part.closing * (1 - numbered.bought_price) - share.released - numbered.fee
        end as realized_delta_usd
    from walked as before
    inner join numbered
        on
            before.mode = numbered.mode
            and before.ticker = numbered.ticker
            and before.step_no + 1 = numbered.step_no
    -- A recursive term can have no CTE of its own.
    inner join lateral ( -- noqa: ST05
        select
            case
                when numbered.bought_side <> before.side then least(numbered.qty, before.qty)
                else 0
            end as closing
    ) as part on true
    inner join lateral ( -- noqa: ST05
        select
            case
                when part.closing = before.qty then before.cost_usd
                else {{ ratio_half_even("before.cost_usd * part.closing", "before.qty") }}
            end as released
    ) as share on true
)

select
    mode,
    ticker,
    step_no,
    event_id,
    side,
    qty,
    cost_usd,
    realized_delta_usd,
    step_at,
    case
        when qty > 0
            then
                coalesce(
                    lead(step_at) over (partition by mode, ticker order by step_no), 'infinity'
                )
        else step_at
    end as valid_to,
    known_at
from walked
where step_no > 0
order by mode, ticker, step_no
