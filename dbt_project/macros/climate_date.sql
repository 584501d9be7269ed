{#- The climate day of an instant: local standard time all year, so a fixed offset. -#}
{%- macro climate_date(instant, std_utc_offset_hours) -%}
    cast(
        {{ instant }} at time zone 'UTC' + make_interval(hours => {{ std_utc_offset_hours }})
        as date
    )
{%- endmacro -%}

{#- First climate date that an incremental metric computes again. -#}
{%- macro lookback_date() -%}
    cast({{ as_of() }} at time zone 'UTC' as date) - {{ var("lookback_days") }}
{%- endmacro -%}
