{#- numerator / denominator to a millionth, ties to even, exactly as the trader's ledger rounds
    (Postgres' round() takes ties away from zero). Both non-negative, denominator above zero. -#}
{%- macro ratio_half_even(numerator, denominator) -%}
    round((
        div(({{ numerator }}) * 1000000, {{ denominator }})
        + case
            when 2 * mod(({{ numerator }}) * 1000000, {{ denominator }}) > {{ denominator }} then 1
            when
                2 * mod(({{ numerator }}) * 1000000, {{ denominator }}) = {{ denominator }}
                then mod(div(({{ numerator }}) * 1000000, {{ denominator }}), 2)
            else 0
        end
    ) / 1000000.0, 6)
{%- endmacro -%}
