{#- How long before the end of the climate day: five classes, so that skill and profit can be told
    apart by lead. 24-36 h is the evening before, 12-24 h the morning, 6-12 h midday. -#}
{%- macro lead_no(hours) -%}
    case
        when {{ hours }} >= 36 then 1
        when {{ hours }} >= 24 then 2
        when {{ hours }} >= 12 then 3
        when {{ hours }} >= 6 then 4
        else 5
    end
{%- endmacro -%}

{%- macro lead_name(lead_no) -%}
    case {{ lead_no }}
        when 1 then '36 h and more'
        when 2 then '24 to 36 h'
        when 3 then '12 to 24 h'
        when 4 then '6 to 12 h'
        when 5 then 'under 6 h'
    end
{%- endmacro -%}
