-- The registered gates with what speaks for and against each, from the day after registration on.
-- Skill's lower end holds at every day at once (trader/core/golive.py has the formula and its
-- source; a test holds both together): sequence(n) is its half-width in standard deviations.
-- Rates have one-sided 95 % ends, Wilson's for shares.
with

registered as (
    select
        approvals.evidence,
        approvals.given_at as since,
        cast(approvals.given_at at time zone 'UTC' as date) as since_day,
        cast(approvals.evidence ->> 'alpha' as double precision) as alpha,
        cast(approvals.evidence ->> 'tuned_for_days' as double precision) as tuned_for
    from {{ ref("stg_ops__approvals") }} as approvals
    where approvals.kind = 'go_live_gates'
    order by approvals.approval_id desc
    limit 1
),

gates as (
    select
        registered.*,
        part.place as position,
        part.value ->> 'gate' as gate,
        part.value ->> 'mode' as mode,
        part.value ->> 'bound' as bound,
        cast(part.value ->> 'at_least' as double precision) as at_least,
        cast(part.value ->> 'at_most' as double precision) as at_most,
        cast(part.value ->> 'min_count' as bigint) as min_count,
        part.value ->> 'unit' as unit,
        part.value ->> 'words' as words
    from registered
    cross join lateral {{ json_elements("registered.evidence -> 'gates'") }} as part
),

differences as (
    select
        days.mode,
        cast(days.advantage as double precision) as advantage,
        lag(cast(days.advantage as double precision))
            over (partition by days.mode order by days.climate_date) as advantage_before
    from {{ ref("int_golive__skill_days") }} as days
    inner join registered on days.climate_date > registered.since_day
    where days.contract_count > 0
),

skill as (
    select
        mode,
        count(*) as n,
        avg(advantage) as mean,
        var_samp(advantage)
        + 2 * greatest(
            coalesce(sum(advantage * advantage_before), 0) / greatest(count(*) - 1, 1)
            - avg(advantage) * avg(advantage),
            0
        ) as spread
    from differences
    group by mode
),

mixture as (
    select
        alpha,
        (2 * ln(1 / (2 * alpha)) + ln(2 * ln(1 / (2 * alpha)) + 1)) / tuned_for as rho2
    from registered
),

sequence as (
    select
        skill.mode,
        skill.n,
        skill.mean,
        sqrt(skill.spread) * sqrt(
            2 * (skill.n * mixture.rho2 + 1) / (skill.n * skill.n * mixture.rho2)
            * ln(1 + sqrt(skill.n * mixture.rho2 + 1) / (2 * mixture.alpha))
        ) as half_width
    from skill
    cross join mixture
),

totals as (
    select
        days.mode,
        sum(days.cycles_completed) as cycles,
        (max(days.day) - min(days.day) + 1) * 86400 / {{ var("cycle_interval_s") }} as due,
        count(*) as day_count,
        sum(days.fill_count) as fills,
        sum(days.gap_sum) as gap_sum,
        sum(days.gap_square_sum) as gap_square_sum,
        sum(days.sent_count) as sent,
        sum(days.refused_count) as refused,
        sum(days.break_count) as breaks,
        max(days.drawdown) as drawdown
    from {{ ref("int_golive__trading_days") }} as days
    inner join registered on days.day > registered.since_day
    -- the day under way is not over: its cycles are not all due
    where days.day < cast({{ disclosed_until() }} at time zone 'UTC' as date)
    group by days.mode
),

replays as (
    select
        cast(approvals.evidence ->> 'cycles' as double precision) as cycles,
        cast(approvals.evidence ->> 'identical' as double precision) as identical,
        (
            (approvals.evidence ->> 'since') is null
            or cast(approvals.evidence ->> 'since' as timestamptz) <= registered.since
        )
        and approvals.given_at > {{ as_of() }} - interval '1 day' as is_whole
    from {{ ref("stg_ops__approvals") }} as approvals
    cross join registered
    where approvals.kind = 'replay'
    order by approvals.approval_id desc
    limit 1
),

rates as (
    select
        *,
        gap_sum / nullif(fills, 0) as gap,
        sqrt(
            greatest(gap_square_sum - gap_sum * gap_sum / nullif(fills, 0), 0)
            / nullif(fills * (fills - 1), 0)
        ) as gap_error,
        refused / nullif(sent, 0) as refusal
    from totals
),

facts as (
    select
        'skill' as gate,
        mode,
        mean as figure,
        mean - half_width as lo,
        cast(null as double precision) as hi,
        n as count
    from sequence
    union all
    select
        fact.gate,
        rates.mode,
        fact.figure,
        null as lo,
        fact.hi,
        fact.count
    from rates
    cross join
        lateral (
            values
            ('drawdown', rates.drawdown, null, rates.day_count),
            ('uptime', least(1, rates.cycles / rates.due), null, rates.due),
            ('fill_gap', rates.gap, rates.gap + 1.645 * rates.gap_error, rates.fills),
            (
                'reject_rate',
                rates.refusal,
                (
                    rates.refusal + 1.353 / nullif(rates.sent, 0)
                    + 1.645 * sqrt(
                        rates.refusal * (1 - rates.refusal) / nullif(rates.sent, 0)
                        + 0.6765 / nullif(rates.sent * rates.sent, 0)
                    )
                ) / (1 + 2.706 / nullif(rates.sent, 0)),
                rates.sent
            ),
            ('breaks', rates.breaks, null, rates.cycles)
        ) as fact (gate, figure, hi, count)
    union all
    select
        'replay' as gate,
        'any' as mode,
        identical / nullif(cycles, 0) as figure,
        null as lo,
        null as hi,
        case when is_whole then cycles else 0 end as count
    from replays
),

judged as (
    select
        gates.*,
        facts.figure,
        facts.lo,
        facts.hi,
        coalesce(facts.count, 0) as count,
        case gates.bound when 'lo' then facts.lo when 'hi' then facts.hi else facts.figure end
            as judged_end
    from gates
    left join facts on gates.gate = facts.gate and gates.mode = facts.mode
)

select
    cast(position as integer) as position,
    gate,
    mode,
    bound,
    round({{ as_numeric("at_least") }}, 6) as at_least,
    round({{ as_numeric("at_most") }}, 6) as at_most,
    unit,
    words,
    round({{ as_numeric("figure") }}, 6) as figure,
    round({{ as_numeric("lo") }}, 6) as lo,
    round({{ as_numeric("hi") }}, 6) as hi,
    cast(count as bigint) as count,
    min_count,
    case
        when count < min_count or judged_end is null then 'not_enough_data'
        when judged_end < at_least or judged_end > at_most then 'fail'
        else 'pass'
    end as verdict,
    since
from judged
order by position
