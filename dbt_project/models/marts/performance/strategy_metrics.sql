-- depends_on: {{ ref("stg_ops__world_clock") }}
-- Recomputed for the climate dates inside the look-back; older dates stand as they are.
{{
    config(
        incremental_strategy="delete+insert",
        unique_key=["strategy_name", "strategy_version", "date", "mode"],
        indexes=[
            {"columns": ["strategy_name", "strategy_version", "date", "mode"], "unique": true},
            {"columns": ["date"]},
        ],
    )
}}

with

reached as (select * from {{ ref("int_signals__reached") }}),

fills as (select * from {{ ref("int_trades__disclosed_fills") }}),

signals as (
    select
        strategy_name,
        strategy_version,
        climate_date,
        mode,
        sum(signal_count) as signals
    from reached
    {% if is_incremental() %}
        where climate_date >= {{ lookback_date() }}
    {% endif %}
    group by strategy_name, strategy_version, climate_date, mode
),

trades as (
    select
        strategy_name,
        strategy_version,
        climate_date,
        mode,
        count(*) as trades,
        avg(edge) as edge_realized,
        avg(price - p_yes) as avg_fill_price_minus_p_yes,
        sum(pnl) as pnl
    from fills
    where
        strategy_name is not null
        and strategy_version is not null
        {% if is_incremental() %}
            and climate_date >= {{ lookback_date() }}
        {% endif %}
    group by strategy_name, strategy_version, climate_date, mode
)

select
    coalesce(signals.strategy_name, trades.strategy_name) as strategy_name,
    coalesce(signals.strategy_version, trades.strategy_version) as strategy_version,
    coalesce(signals.climate_date, trades.climate_date) as date,
    coalesce(signals.mode, trades.mode) as mode,
    cast(coalesce(signals.signals, 0) as bigint) as signals,
    coalesce(trades.trades, 0) as trades,
    round(trades.edge_realized, 6) as edge_realized,
    round(trades.avg_fill_price_minus_p_yes, 6) as avg_fill_price_minus_p_yes,
    trades.pnl
from signals
full outer join trades
    on
        signals.strategy_name = trades.strategy_name
        and signals.strategy_version = trades.strategy_version
        and signals.climate_date = trades.climate_date
        and signals.mode = trades.mode
