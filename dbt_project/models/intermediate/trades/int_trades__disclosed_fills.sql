-- THE choke point. Every public figure that depends on trades reads fills here and nowhere else,
-- and this table physically holds no fill younger than the delay: no plan, count or size of it
-- can tell one.
--
-- A run writes the fills that came of age since the last finished run, those learnt since that are
-- old enough already, and those whose market's result, fair price or terms became known since.
-- Every column follows from the facts alone, so a full rebuild gives the same rows.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="fill_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["fill_id"], "unique": true},
            {"columns": ["filled_at"]},
            {"columns": ["mode", "fill_minute_at"]},
            {"columns": ["mode", "ticker"]},
            {"columns": ["climate_date"]},
            {"columns": ["changed_at"]},
        ],
    )
}}

with

-- A CTE used twice is written out whole, with all of history; looked through, its rows are found.
fills as not materialized (
    select * from {{ ref("stg_ops__fills") }}
    where filled_at <= {{ run_disclosed_until() }}
),

orders as (select * from {{ ref("stg_ops__orders") }}),

signals as (select * from {{ ref("stg_ops__signals") }}),

contracts as not materialized (select * from {{ ref("stg_ops__contracts") }}),

-- A market resolved at a fair price has no result, only payouts that say so.
fair_prices as not materialized (
    select * from {{ ref("stg_ops__settlements") }}
    where result = 'scalar' and value_usd is not null and settled_at <= {{ run_as_of() }}
),

due as (
    select fills.fill_id
    from fills
    where
        fills.filled_at > {{ changed_since() }} - {{ public_delay() }}
        or fills.recorded_at > {{ changed_since() }}
    {% if is_incremental() %}
        union
        select fills.fill_id
        from {{ ref("stg_ops__market_results") }} as results
        inner join fills on results.ticker = fills.ticker
        where
            results.recorded_at > {{ changed_since() }}
            or results.determined_at > {{ changed_since() }}
        union
        select fills.fill_id
        from fair_prices
        inner join fills on fair_prices.ticker = fills.ticker
        where
            fair_prices.recorded_at > {{ changed_since() }}
            or fair_prices.settled_at > {{ changed_since() }}
        union
        select fills.fill_id
        from contracts
        inner join fills on contracts.ticker = fills.ticker
        where contracts.first_seen_at > {{ changed_since() }}
    {% endif %}
),

-- Reducing a position is buying the other side: the exchange pays one dollar for each pair.
bought as (
    select
        fills.*,
        orders.cycle_id,
        orders.signal_id,
        orders.signal_at,
        orders.event_ticker,
        orders.city_code,
        orders.strategy_name,
        orders.strategy_version,
        case
            when fills.action = 'REDUCE' and orders.side = fills.side
                then case fills.side when 'YES' then 'NO' else 'YES' end
            else fills.side
        end as bought_side,
        case
            when fills.action = 'REDUCE' and orders.side = fills.side then 1 - fills.price
            else fills.price
        end as bought_price
    from due
    inner join fills on due.fill_id = fills.fill_id
    inner join orders on fills.order_id = orders.order_id
),

judged as (
    select
        bought.*,
        signals.p_yes,
        case when bought.side = 'YES' then signals.p_yes else 1 - signals.p_yes end as p_side,
        case when bought.bought_side = 'YES' then signals.p_yes else 1 - signals.p_yes end
            as p_bought,
        case
            when fair.value_usd is not null then 'fair price'
            when result.result = lower(bought.bought_side) then 'won'
            when result.result is not null then 'lost'
        end as outcome,
        -- what a contract of what was bought paid, dollars
        case
            when fair.value_usd is not null and bought.bought_side = 'YES' then fair.value_usd
            when fair.value_usd is not null then 1 - fair.value_usd
            when result.result = lower(bought.bought_side) then 1
            when result.result is not null then 0
        end as paid_out,
        greatest(bought.filled_at + {{ public_delay() }}, bought.recorded_at) as disclosed_at,
        greatest(
            result.determined_at, result.recorded_at, fair.settled_at, fair.recorded_at
        ) as result_known_at
    from bought
    left join signals
        on bought.signal_at = signals.decided_at and bought.signal_id = signals.signal_id
    left join lateral {{ newest_result("bought.ticker", run_as_of()) }} as result on true
    left join lateral (
        select
            fair_prices.value_usd,
            fair_prices.settled_at,
            fair_prices.recorded_at
        from fair_prices
        where fair_prices.mode = bought.mode and fair_prices.ticker = bought.ticker
        order by fair_prices.recorded_at desc
        limit 1
    ) as fair on true
)

select
    judged.fill_id,
    judged.order_id,
    judged.signal_id,
    judged.cycle_id,
    judged.mode,
    judged.ticker,
    judged.event_ticker,
    judged.city_code,
    terms.market_type,
    terms.climate_date,
    terms.bracket_label,
    judged.side,
    judged.action,
    judged.bought_side,
    judged.strategy_name,
    judged.strategy_version,
    judged.outcome,
    judged.qty,
    judged.price,
    judged.bought_price,
    judged.fee,
    judged.p_yes,
    judged.p_side,
    round(judged.p_bought - judged.bought_price - judged.fee / judged.qty, 6) as edge,
    judged.qty * (judged.paid_out - judged.bought_price) - judged.fee as pnl,
    judged.filled_at,
    date_trunc('minute', judged.filled_at) as fill_minute_at,
    judged.disclosed_at,
    greatest(judged.disclosed_at, judged.result_known_at, terms.first_seen_at) as changed_at
from judged
-- The terms as they stood at the execution; first seen later only for a trade made by hand.
left join lateral (
    select
        contracts.market_type,
        contracts.climate_date,
        contracts.bracket_label,
        contracts.first_seen_at
    from contracts
    where contracts.ticker = judged.ticker
    order by
        contracts.first_seen_at > judged.filled_at asc,
        abs(extract(epoch from contracts.first_seen_at - judged.filled_at)) asc,
        contracts.terms_hash asc
    limit 1
) as terms on true
order by judged.filled_at, judged.fill_id
