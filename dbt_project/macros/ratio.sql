{#- A quotient to six decimals; null where there is nothing to divide by. -#}
{%- macro ratio(numerator, denominator) -%}
    {{- (adapter.dispatch("ratio") if adapter is defined else default__ratio)(
        numerator, denominator
    ) -}}
{%- endmacro -%}

{%- macro default__ratio(numerator, denominator) -%}
    round(cast({{ numerator }} as numeric) / nullif({{ denominator }}, 0), 6)
{%- endmacro -%}

{#- DuckDB divides decimals as floating-point numbers; this divides whole ten-billionths. -#}
{%- macro duckdb__ratio(numerator, denominator) -%}
    {%- set top = "abs(" ~ ten_billionths(numerator) ~ ")" -%}
    {%- set bottom = "abs(" ~ ten_billionths(denominator) ~ ")" -%}
    cast(sign({{ numerator }}) * sign({{ denominator }}) as decimal(1, 0))
    * cast(
        (2000000 * {{ top }} + {{ bottom }}) // nullif(2 * {{ bottom }}, 0) as decimal(30, 0)
    )
    * cast(0.000001 as decimal(7, 6))
{%- endmacro -%}

{%- macro ten_billionths(number) -%}
    cast(cast({{ number }} as decimal(26, 10)) * cast(10000000000 as decimal(11, 0)) as hugeint)
{%- endmacro -%}

{#- A floating-point number as an exact one. -#}
{%- macro as_numeric(number) -%}
    {{- (adapter.dispatch("as_numeric") if adapter is defined else default__as_numeric)(number) -}}
{%- endmacro -%}

{%- macro default__as_numeric(number) -%}
    cast({{ number }} as numeric)
{%- endmacro -%}

{%- macro duckdb__as_numeric(number) -%}
    cast({{ number }} as decimal(38, 12))
{%- endmacro -%}
