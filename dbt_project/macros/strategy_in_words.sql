{#- A signal on a market that no strategy covers names none; a visitor should read that. -#}
{%- macro strategy_in_words(column) -%}
    case when {{ column }} = 'none' then 'no strategy' else {{ column }} end
{%- endmacro -%}
