-- One row: when the warehouse was last refreshed. The sixth component's proof of life, kept here
-- because dbt never writes ops. Incremental, so that the health view may stand on it.
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
    {{ as_of() }} as last_ok_at
