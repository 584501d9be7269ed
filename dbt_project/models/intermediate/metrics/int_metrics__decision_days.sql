-- Where the signals about a climate date stopped, and why. A fill proves that its order was sent,
-- so a filled signal is one of those that came to be sent; its cycle must be of age as well, or
-- more would be filled than sent. A run writes the climate dates again about which anything came
-- of age since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[{"columns": ["climate_date", "mode"]}],
    )
}}

with

reached as not materialized (select * from {{ ref("int_signals__reached") }}),

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

cycles as (
    select * from {{ ref("int_cycles__ended") }}
    where ended_at <= {{ run_disclosed_until() }}
),

touched as (
    select climate_date from reached
    where changed_at > {{ changed_since() }}
    union
    select climate_date from fills
    where changed_at > {{ changed_since() }}
),

counted as (
    select
        reached.climate_date,
        reached.mode,
        reached.city_code,
        reached.market_type,
        reached.strategy_name,
        reached.step_no,
        reached.reason,
        sum(reached.signal_count) as signal_count
    from touched
    inner join reached on touched.climate_date = reached.climate_date
    group by
        reached.climate_date, reached.mode, reached.city_code, reached.market_type,
        reached.strategy_name, reached.step_no, reached.reason
),

filled_signals as (
    select
        fills.climate_date,
        fills.mode,
        fills.city_code,
        fills.market_type,
        fills.strategy_name,
        fills.signal_id,
        bool_and(fills.outcome is not null) as is_settled
    from touched
    inner join fills on touched.climate_date = fills.climate_date
    inner join cycles on fills.cycle_id = cycles.cycle_id
    where fills.signal_id is not null
    group by
        fills.climate_date, fills.mode, fills.city_code, fills.market_type, fills.strategy_name,
        fills.signal_id
),

filled as (
    select
        climate_date,
        mode,
        city_code,
        market_type,
        strategy_name,
        count(*) filter (where not is_settled) as open_count,
        count(*) filter (where is_settled) as settled_count
    from filled_signals
    group by climate_date, mode, city_code, market_type, strategy_name
),

sent as (
    select
        counted.climate_date,
        counted.mode,
        counted.city_code,
        counted.market_type,
        counted.strategy_name,
        outcome.step_no,
        outcome.reason,
        outcome.signal_count
    from counted
    left join filled
        on
            counted.climate_date = filled.climate_date
            and counted.mode = filled.mode
            and counted.city_code = filled.city_code
            and counted.market_type = filled.market_type
            and counted.strategy_name = filled.strategy_name
    cross join
        lateral (
            values
            (
                6, 'NOT_FILLED',
                counted.signal_count
                - coalesce(filled.open_count, 0) - coalesce(filled.settled_count, 0)
            ),
            (7, 'NOT_SETTLED', coalesce(filled.open_count, 0)),
            (8, 'SETTLED', coalesce(filled.settled_count, 0))
        ) as outcome (step_no, reason, signal_count)
    where counted.step_no = 6 and outcome.signal_count > 0
),

stopped as (
    select * from counted
    where step_no < 6
    union all
    select * from sent
)

select
    climate_date,
    mode,
    city_code,
    market_type,
    strategy_name,
    step_no,
    reason,
    cast(signal_count as bigint) as signal_count
from stopped
order by climate_date, mode, city_code, market_type, strategy_name, step_no, reason
