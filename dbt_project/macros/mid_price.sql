{#- An absent bid is a bid of nothing, an absent offer one of a full dollar; without either, no
    price. Dollars per YES contract. -#}
{%- macro mid_price(yes_bid, yes_ask) -%}
    case
        when {{ yes_bid }} is not null or {{ yes_ask }} is not null
            then round((coalesce({{ yes_bid }}, 0) + coalesce({{ yes_ask }}, 1)) / 2, 6)
    end
{%- endmacro -%}
