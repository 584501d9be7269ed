-- Trades of a climate date, sorted four ways: by the edge seen at the price paid, by lead, by kind
-- of market, by what was bought. Each way sums to the same trades. Written for the dates of which
-- a fill or a result came of age since the last finished run.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="climate_date",
        on_schema_change="fail",
        indexes=[
            {"columns": ["climate_date", "mode", "dimension", "bucket_no"], "unique": true},
        ],
    )
}}

with

fills as not materialized (select * from {{ ref("int_trades__disclosed_fills") }}),

touched as (
    select distinct climate_date from fills
    where changed_at > {{ changed_since() }}
),

timed as (
    select
        fills.*,
        {{
            lead_no(
                hours_between(
                    "fills.filled_at",
                    climate_day_end("fills.climate_date", "cities.std_utc_offset_hours"),
                )
            )
        }} as lead_no
    from touched
    inner join fills on touched.climate_date = fills.climate_date
    inner join {{ ref("stg_ops__cities") }} as cities on fills.city_code = cities.city_code
),

sorted as (
    select
        timed.*,
        way.dimension,
        way.bucket_no,
        way.bucket
    from timed
    cross join lateral (
        values
        (
            'edge',
            case
                when timed.edge is null then 0
                when timed.edge < 0 then 1
                when timed.edge < 0.02 then 2
                when timed.edge < 0.04 then 3
                when timed.edge < 0.06 then 4
                when timed.edge < 0.10 then 5
                else 6
            end,
            case
                when timed.edge is null then 'no signal'
                when timed.edge < 0 then 'below 0'
                when timed.edge < 0.02 then '0 to 2 cents'
                when timed.edge < 0.04 then '2 to 4 cents'
                when timed.edge < 0.06 then '4 to 6 cents'
                when timed.edge < 0.10 then '6 to 10 cents'
                else '10 cents and more'
            end
        ),
        ('lead', timed.lead_no, {{ lead_name("timed.lead_no") }}),
        (
            'market_type',
            case timed.market_type
                when 'HIGH' then 1 when 'LOW' then 2 when 'RAIN' then 3 else 4
            end,
            timed.market_type
        ),
        ('side', case timed.bought_side when 'YES' then 1 else 2 end, timed.bought_side)
    ) as way (dimension, bucket_no, bucket)
)

select
    climate_date,
    mode,
    dimension,
    bucket_no,
    bucket,
    count(*) as trade_count,
    sum(qty) as qty,
    sum(qty * bought_price) as paid_usd,
    sum(fee) as fees,
    sum(qty * edge) as expected_pnl,
    sum(pnl) as pnl,
    count(pnl) as settled_count,
    count(*) filter (where pnl > 0) as won_count,
    sum(qty) filter (where pnl is not null) as settled_qty,
    sum(qty * bought_price + fee) filter (where pnl is not null) as settled_paid_usd
from sorted
group by climate_date, mode, dimension, bucket_no, bucket
order by climate_date, mode, dimension, bucket_no
