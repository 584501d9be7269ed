{#- A quotient to six decimals; null where there is nothing to divide by. -#}
{%- macro ratio(numerator, denominator) -%}
    round(cast({{ numerator }} as numeric) / nullif({{ denominator }}, 0), 6)
{%- endmacro -%}
