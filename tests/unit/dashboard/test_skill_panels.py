"""Forecasts and decisions: who is closer and when it is too early to say, reliability, the fan, reasons."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components import (
    anomaly_list,
    bars,
    decision_table,
    exposure,
    fan,
    funnel,
    reasons,
    reliability,
    scores,
    trade_feed,
)
from dashboard.components.bars import Bar
from dashboard.rows import FunnelStep, LostReason
from tests.unit.dashboard import sample, sample_late

EVIL = '<script>alert("x")</script>'


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_few_days_are_too_early_to_say_whoever_is_closer() -> None:
    pair = scores.headline(sample_late.scores())

    assert scores.verdict(pair) == (
        "Too early to say: 5 days of 30. So far the market was closer: "
        "score 0.112 against the market’s 0.104, lower is better."
    )
    assert scores.short(pair) == "The market has forecast better so far."


def test_enough_days_are_judged_by_the_interval_of_the_difference() -> None:
    apart = scores.headline(sample_late.scores(is_enough=True))  # 0.002 to 0.014 worse
    same = [
        s.model_copy(update={"value_lo": Decimal("-0.001")}) if s.measure == "brier_minus_market" else s
        for s in sample_late.scores(is_enough=True)
    ]

    assert scores.verdict(apart).startswith("Over 40 days the market was closer: score 0.112")
    assert scores.verdict(scores.headline(same)).startswith(
        "No difference that can be told from chance over 40"
    )


def test_without_scores_nothing_is_claimed() -> None:
    assert scores.verdict(scores.headline(())).startswith("Too early to say: no settled day")
    assert scores.short(None) == ""
    assert scores.dumbbells(()) == ""


def test_a_lead_without_the_markets_score_is_left_out() -> None:
    ours_only = [s for s in sample_late.scores() if s.measure == "brier"]

    assert scores.pairs(ours_only, "HIGH") == ()


def test_scores_by_lead_say_the_difference_in_words_and_when_there_is_no_interval() -> None:
    few = text_of(scores.lead_table(scores.pairs(sample_late.scores(), "HIGH")))
    enough = text_of(scores.lead_table(scores.pairs(sample_late.scores(is_enough=True), "HIGH")))

    assert "12 to 24 h 0.112 0.104 +0.008 worse too few days 5 297" in few
    assert "+0.002 to +0.014" in enough


def test_every_city_with_scores_stands_on_one_scale() -> None:
    html = scores.dumbbells(scores.pairs(sample_late.scores(is_enough=True), "HIGH", city=None, lead=3))
    places = [float(left) for left in re.findall(r'class="(?:sq|dot)" style="left:([\d.]+)%', html)]

    assert re.findall(r'row">(\w{3})<', html)[:2] == ["NYC", "CHI"]
    assert len(places) == 20
    assert all(3 <= place <= 97 for place in places)


def test_tenths_add_up_over_leads_and_versions_and_never_over_forecasters() -> None:
    twice = [*sample_late.bins(), *(b.model_copy(update={"lead_no": 4}) for b in sample_late.bins())]

    ours = reliability.points(twice, "model", "HIGH")

    assert [p.count for p in ours] == [2 * b.contracts for b in sample_late.bins()[:10]]
    assert ours[9].came == pytest.approx(45 / 60)  # 60 x 0.95 x 0.8
    assert reliability.points(twice, "market", "HIGH")[9].came == pytest.approx(57 / 60)
    assert reliability.points(twice, "model", "LOW") == ()


@given(st.integers(1, 5000), st.data())
def test_a_wilson_interval_holds_its_share_and_stays_between_nought_and_one(
    count: int, data: st.DataObject
) -> None:
    won = data.draw(st.integers(0, count))

    low, high = reliability.wilson(won, count)

    assert 0 <= low <= won / count + 1e-12
    assert won / count - 1e-12 <= high <= 1


def test_wilson_of_eight_in_ten() -> None:
    assert reliability.wilson(8, 10) == pytest.approx((0.490, 0.943), abs=0.001)  # a textbook's numbers


def test_reliability_draws_both_and_the_line_of_truth() -> None:
    us, market = (reliability.points(sample_late.bins(), name, "HIGH") for name in ("model", "market"))
    figure = reliability.figure(us, market)

    assert [list(t.x) for t in figure.data[:1]] == [[0, 100]]
    assert (figure.data[1].marker.symbol, figure.data[2].marker.symbol) == ("circle", "square")
    assert text_of(reliability.counts_table(us, market)).endswith("Market 200 60 40 20 200 60 40 20 200 60")
    with pytest.raises(ValueError, match="expected at least one tenth"):
        reliability.figure((), ())


def test_the_fan_ends_our_side_an_hour_before_the_markets() -> None:
    figure = fan.figure(sample_late.path(), "America/New_York")
    labels = {a.text for a in figure.layout.annotations}

    assert figure.data[4].y[-1] is None
    assert figure.data[5].y[-1] == 79.4
    assert labels == {"us 80°", "market 79°", "so far 74°"}
    assert "our middle 80 degrees, 80 percent from 76 to 83; the market’s middle 79" in fan.alt(
        sample_late.path(), "New York"
    )


def test_a_day_without_any_value_has_no_fan() -> None:
    blank = [
        h.model_copy(update={"p50_f": None, "market_median_f": None, "extreme_so_far_f": None})
        for h in sample_late.path()
    ]

    assert not fan.has_points(blank)
    with pytest.raises(ValueError, match="expected at least one hour"):
        fan.figure(blank, "America/New_York")


def test_bars_start_at_a_common_zero_and_say_sign_ink_and_count() -> None:
    html = bars.table(
        [Bar("a", Decimal(-10), "6 trades"), Bar("b", Decimal(30), "1 trade"), Bar("c", None, "0")], "x"
    )

    assert '--zero:25.0%"' in html
    assert 'class="down" style="left:0.0%;width:25.0%"' in html
    assert 'class="up" style="left:25.0%;width:75.0%"' in html
    assert text_of(html) == "x a −$10.00 6 trades b +$30.00 1 trade c N/A 0"


def test_the_funnel_says_below_each_step_what_stopped_the_others() -> None:
    said = text_of(funnel.table(sample.funnel(), has_reasons=True))

    assert "Edge after fees ours against theirs 414 edge too small 318 −414" in said
    assert "Settled the result is known 9 not settled 0 −9" in said


def test_reasons_stand_with_their_meaning_and_by_city() -> None:
    html = decision_table.table(sample_late.reasons())

    assert text_of(html).startswith(
        "Reason All NYC CHI LAX MIA AUS DEN PHL BOS SEA SFO edge too small The edge after"
    )
    assert re.findall(r'class="n all">(\d+)', html) == ["414", "260", "49", "24"]
    assert "settled" not in html


def test_a_code_from_tomorrow_is_plain_text() -> None:
    odd = sample_late.reasons()[0].model_copy(update={"reason": EVIL})
    step = FunnelStep(
        date=sample.TODAY,
        mode="DEMO",
        step_no=1,
        step=EVIL,
        count=2,
        top_reasons=(LostReason(reason=EVIL, count=1),),
    )
    after = step.model_copy(update={"step": "priced", "count": 1})

    assert "<script" not in decision_table.table([odd]) + funnel.table([step, after], has_reasons=True)
    assert reasons.meaning("OF_TOMORROW") == ""


def test_limits_are_said_with_their_units() -> None:
    said = text_of(reasons.limits())

    assert "Worst case of one trade $100 or 2% of equity" in said
    assert "Weather: oldest station report 75 min" in said


def test_regions_stand_with_what_could_be_lost() -> None:
    said = text_of(exposure.table(sample_late.exposure()))

    assert "Region Markets Paid Worst case West coast 4 $40.00 $36.00 Mountain 3" in said
    nothing = [row.model_copy(update={"markets": 0}) for row in sample_late.exposure()]
    assert "Nothing was held 60 minutes ago." in exposure.table(nothing)


@pytest.mark.story("7.3")
@pytest.mark.parametrize(
    ("kind", "word"), [("NORMAL", "Over"), ("SUSPICIOUS", "Unusual"), ("ALERT", "Alert")]
)
def test_an_anomaly_has_a_word_a_place_and_plain_text(kind: str, word: str) -> None:
    row = sample_late.anomaly(class_=kind, reason=EVIL, author=EVIL)

    html = anomaly_list.table([row], sample.AS_OF)

    assert text_of(html).startswith(f"State, about, words, time (New York) {word} DEN high &lt;script")
    assert "<script" not in html
    assert "Nothing unusual" in anomaly_list.table([], sample.AS_OF)


@pytest.mark.story("7.2")
def test_a_trade_opens_to_its_reasons_and_the_words_about_its_signal() -> None:
    trade = sample.trade()
    early = sample_late.explanation(text="older", decided_at=trade.fill_time - (sample.AS_OF - sample.LATE))
    late = sample_late.explanation(text="younger than the fill", decided_at=sample.AS_OF)

    said = text_of(trade_feed.detailed([trade], [early, sample_late.explanation(), late], sample.AS_OF))

    assert "Order Bought 40 NO of New York 79–80° high Jul 21 at 45¢: $18.00 and $0.70 fee" in said
    assert "We said 66% for NO; the price stood for 45%" in said
    assert "Edge +21.0¢ a contract before fees, +5.7¢ after" in said
    assert "In words Our forecast is warmer than the price says. by rules" in said
    assert "younger" not in said
    assert "older" not in said
