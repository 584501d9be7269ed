{#- The result of a market that holds as of an instant, as a set of at most one row to join
    laterally: a correction is a further row of ops. The one made last holds, of those made at one
    instant the one learnt last: what was paid follows it, in whatever order rows arrived. -#}
{%- macro newest_result(ticker, instant) -%}
    (
        select
            versions.result,
            versions.official_value,
            versions.determined_at,
            versions.recorded_at
        from {{ ref("stg_ops__market_results") }} as versions
        where versions.ticker = {{ ticker }} and versions.determined_at <= {{ instant }}
        order by versions.determined_at desc, versions.recorded_at desc
        limit 1
    )
{%- endmacro -%}
