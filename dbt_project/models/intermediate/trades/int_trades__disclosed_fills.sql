-- THE choke point. Every public figure that depends on trades reads fills here and nowhere else,
-- and this table physically holds no fill younger than the delay: no plan, count or size of it
-- can tell one.
--
-- What a run adds: fills that have come of age and are not here yet, looked for by execution time
-- over the last days before the newest one here. The key is the execution time and not the time
-- we learnt of it, so that a fill learnt late appears at once if it is old enough, and no younger
-- one can hide behind a watermark; the anti-join makes a rerun add nothing. Fills learnt later
-- than the look-back need a full refresh. What a run writes again: fills whose market's result
-- was published since.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="fill_id",
        on_schema_change="fail",
        indexes=[
            {"columns": ["fill_id"], "unique": true},
            {"columns": ["filled_at"]},
            {"columns": ["climate_date"]},
            {"columns": ["disclosed_at"]},
            {"columns": ["outcome"]},
        ],
    )
}}

with

fills as (select * from {{ ref("stg_ops__fills") }}),

orders as (select * from {{ ref("stg_ops__orders") }}),

signals as (select * from {{ ref("stg_ops__signals") }}),

contracts as (select * from {{ ref("stg_ops__contracts") }}),

results as (select * from {{ ref("stg_ops__market_results") }}),

cities as (select * from {{ ref("stg_ops__cities") }}),

due as (
    {% if is_incremental() %}
        select
            fills.fill_id,
            {{ as_of() }} as disclosed_at
        from fills
        where
            fills.filled_at <= {{ disclosed_until() }}
            and fills.filled_at > (
                select
                    coalesce(max(known.filled_at), '-infinity')
                    - make_interval(days => {{ var("lookback_days") }})
                from {{ this }} as known
            )
            and not exists (
                select 1 from {{ this }} as known
                where known.fill_id = fills.fill_id
            )
        union all
        select
            known.fill_id,
            known.disclosed_at
        from {{ this }} as known
        inner join results on known.ticker = results.ticker
        where known.outcome is null and results.determined_at <= {{ as_of() }}
    {% else %}
        select
            fills.fill_id,
            {{ as_of() }} as disclosed_at
        from fills
        where fills.filled_at <= {{ disclosed_until() }}
    {% endif %}
),

-- Reducing a position is buying the other side: the exchange pays one dollar for each pair.
bought as (
    select
        fills.*,
        due.disclosed_at,
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
            when results.result is null then null
            when results.result = lower(bought.bought_side) then 'won'
            else 'lost'
        end as outcome
    from bought
    left join signals
        on bought.signal_at = signals.decided_at and bought.signal_id = signals.signal_id
    left join results
        on bought.ticker = results.ticker and results.determined_at <= {{ as_of() }}
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
    cities.city_name,
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
    case judged.outcome
        when 'won' then judged.qty * (1 - judged.bought_price) - judged.fee
        when 'lost' then -judged.qty * judged.bought_price - judged.fee
    end as pnl,
    judged.filled_at,
    judged.disclosed_at
from judged
inner join cities on judged.city_code = cities.city_code
left join lateral (
    select
        contracts.market_type,
        contracts.climate_date,
        contracts.bracket_label
    from contracts
    where contracts.ticker = judged.ticker
    order by contracts.first_seen_at desc
    limit 1
) as terms on true
