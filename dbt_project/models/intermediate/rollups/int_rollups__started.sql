-- One row: the instant of the run now under way, and since when its tables know nothing. First
-- model of a run. The instant never goes back, whatever the clocks do: a trade once young enough
-- to be hidden is not shown earlier by a clock that jumps and returns.
--
-- A run that was killed has not moved the last finished instant, so the next one does the same work
-- again. The overlap covers rows whose transaction was under way when the last run looked, and
-- clocks that differ.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="run",
        on_schema_change="fail",
    )
}}

select
    'current' as run,
    {% if is_incremental() %}
        greatest({{ as_of() }}, (select known.as_of from {{ this }} as known)) as as_of,
    {% else %}
        {{ as_of() }} as as_of,
    {% endif %}
    coalesce(
        {{ last_finished_at() }} - interval '{{ var("rollup_overlap_min") }} minutes', '-infinity'
    ) as changed_since
