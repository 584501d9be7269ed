-- The interval of a share is Wilson's at 95 %, as if contracts were independent; those of one day
-- are not, so it is a little narrow.
with

months as (select * from {{ ref("int_forecasts__bin_months") }}),

summed as (
    select
        mode,
        market_type,
        lead_no,
        strategy_name,
        strategy_version,
        forecaster,
        bin_no,
        cast(sum(contract_count) as bigint) as contracts,
        cast(sum(won_count) as bigint) as won,
        sum(p_sum) as p_sum
    from months
    group by
        mode, market_type, lead_no, strategy_name, strategy_version, forecaster, bin_no
),

shares as (
    select
        *,
        cast(won as numeric) / contracts as won_share,
        3.8416 / contracts as z_squared_over_n
    from summed
)

select
    mode,
    market_type,
    lead_no,
    {{ lead_name("lead_no") }} as lead,
    strategy_name,
    strategy_version,
    forecaster,
    bin_no,
    round(bin_no / 10.0, 1) as bin_from,
    round((bin_no + 1) / 10.0, 1) as bin_to,
    contracts,
    won,
    {{ ratio("p_sum", "contracts") }} as mean_p,
    round(won_share, 6) as won_share,
    round(
        (
            won_share + z_squared_over_n / 2
            - sqrt(
                z_squared_over_n * won_share * (1 - won_share)
                + z_squared_over_n * z_squared_over_n / 4
            )
        ) / (1 + z_squared_over_n), 6
    ) as won_share_lo,
    round(
        (
            won_share + z_squared_over_n / 2
            + sqrt(
                z_squared_over_n * won_share * (1 - won_share)
                + z_squared_over_n * z_squared_over_n / 4
            )
        ) / (1 + z_squared_over_n), 6
    ) as won_share_hi,
    contracts >= {{ var("least_contracts") }} as is_enough
from shares
