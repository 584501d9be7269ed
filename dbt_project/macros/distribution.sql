{#- The rows of a stored distribution {start, ppm}: whole value and its probability in millionths,
    as a set to join laterally. -#}
{%- macro distribution_rows(distribution) -%}
    (
        select
            cast({{ distribution }} ->> 'start' as integer) + cast(part.place as integer) - 1
                as whole_value,
            cast(part.value as numeric) as ppm
        from {{ json_elements(distribution ~ " -> 'ppm'", as_text=true) }} as part
    )
{%- endmacro -%}
