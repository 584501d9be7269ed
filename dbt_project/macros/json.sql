{#- What the engines spell in their own ways. `default__` is Postgres; the second engine is DuckDB,
    on which make parity builds the marts. Without dbt (the linter) there is no adapter, and Postgres
    is meant. -#}

{#- The elements of a JSON array with their place from 1 on, as a set (value, place) to join
    laterally; as_text: each as text without quotes. -#}
{%- macro json_elements(array, as_text=false) -%}
    {{- (adapter.dispatch("json_elements") if adapter is defined else default__json_elements)(
        array, as_text
    ) -}}
{%- endmacro -%}

{%- macro default__json_elements(array, as_text) -%}
    (
        select
            part.value,
            part.place
        from
            jsonb_array_elements{{ "_text" if as_text }}({{ array }})
            with ordinality as part (value, place)
    )
{%- endmacro -%}

{%- macro duckdb__json_elements(array, as_text) -%}
    (
        select
            unnest(cast({{ array }} as {{ "varchar" if as_text else "json" }} [])) as value,
            generate_subscripts(cast({{ array }} as json []), 1) as place
    )
{%- endmacro -%}

{#- A JSON object of names and expressions. -#}
{%- macro json_object(pairs) -%}
    {{- (adapter.dispatch("json_object") if adapter is defined else default__json_object)(pairs) -}}
{%- endmacro -%}

{%- macro default__json_object(pairs) -%}
    {%- set parts = [] -%}
    {%- for name, value in pairs %}{% do parts.append("'" ~ name ~ "', " ~ value) %}{% endfor -%}
    jsonb_build_object({{ parts | join(", ") }})
{%- endmacro -%}

{%- macro duckdb__json_object(pairs) -%}
    {%- set parts = [] -%}
    {%- for name, value in pairs %}{% do parts.append("'" ~ name ~ "', " ~ value) %}{% endfor -%}
    json_object({{ parts | join(", ") }})
{%- endmacro -%}

{#- A JSON array over the rows of a group, in order. -#}
{%- macro json_list(value, order_by) -%}
    {{- (adapter.dispatch("json_list") if adapter is defined else default__json_list)(
        value, order_by
    ) -}}
{%- endmacro -%}

{%- macro default__json_list(value, order_by) -%}
    jsonb_agg({{ value }} order by {{ order_by }})
{%- endmacro -%}

{%- macro duckdb__json_list(value, order_by) -%}
    cast(to_json(list({{ value }} order by {{ order_by }})) as json)
{%- endmacro -%}

{%- macro empty_json_list() -%}
    {{- (
        adapter.dispatch("empty_json_list") if adapter is defined else default__empty_json_list
    )() -}}
{%- endmacro -%}

{%- macro default__empty_json_list() -%}
    cast('[]' as jsonb)
{%- endmacro -%}

{%- macro duckdb__empty_json_list() -%}
    cast('[]' as json)
{%- endmacro -%}
