{#- The climate day of an instant: local standard time all year, so a fixed offset. -#}
{%- macro climate_date(instant, std_utc_offset_hours) -%}
    cast(
        {{ instant }} at time zone 'UTC'
        + {{ std_utc_offset_hours }} * interval '1 hour'
        as date
    )
{%- endmacro -%}

{#- First instant after a climate day, from its date and the station's offset. -#}
{%- macro climate_day_end(climate_date, std_utc_offset_hours) -%}
    (
        cast({{ climate_date }} + 1 as timestamp) at time zone 'UTC'
        - {{ std_utc_offset_hours }} * interval '1 hour'
    )
{%- endmacro -%}

{#- Whole steps from one instant to another, as a set (step_at) to join. -#}
{%- macro steps_between(earlier, later, step) -%}
    {{- (adapter.dispatch("steps_between") if adapter is defined else default__steps_between)(
        earlier, later, step
    ) -}}
{%- endmacro -%}

{%- macro default__steps_between(earlier, later, step) -%}
    generate_series({{ earlier }}, {{ later }}, {{ step }})
{%- endmacro -%}

{%- macro duckdb__steps_between(earlier, later, step) -%}
    (select unnest(generate_series({{ earlier }}, {{ later }}, {{ step }})))
{%- endmacro -%}

{#- Hours from one instant to another. -#}
{%- macro hours_between(earlier, later) -%}
    extract(epoch from {{ later }} - {{ earlier }}) / 3600
{%- endmacro -%}
