-- One row: the instant of the last run that finished. The last model of a run (a test demands that
-- every table is named here), so that a run that was killed leaves it alone and the next one does
-- the work again. Also the sixth component's proof of life, kept here because dbt never writes
-- ops.
-- depends_on: {{ ref("int_equity__by_minute") }}
-- depends_on: {{ ref("int_metrics__city_days") }}
-- depends_on: {{ ref("int_metrics__closing_days") }}
-- depends_on: {{ ref("int_metrics__funnel_days") }}
-- depends_on: {{ ref("int_metrics__pnl_days") }}
-- depends_on: {{ ref("int_metrics__strategy_days") }}
-- depends_on: {{ ref("int_exposure__by_cluster") }}
-- depends_on: {{ ref("int_forecasts__bin_months") }}
-- depends_on: {{ ref("int_forecasts__score_months") }}
-- depends_on: {{ ref("int_golive__skill_days") }}
-- depends_on: {{ ref("int_golive__trading_days") }}
-- depends_on: {{ ref("int_advice__anomalies") }}
-- depends_on: {{ ref("int_advice__explanations") }}
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="component",
        on_schema_change="fail",
    )
}}

select
    'analytics' as component,
    started.as_of as last_ok_at
from {{ ref("int_rollups__started") }} as started
