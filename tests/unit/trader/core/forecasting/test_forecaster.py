from datetime import date

import numpy as np
import pytest

from tests.unit.trader.core.forecasting.synthetic import BIAS_F, FIRST, archive
from trader.core.forecasting.archive import Archive, parse_instant
from trader.core.forecasting.expert import MIN_PAIRS
from trader.core.forecasting.forecaster import Forecaster
from trader.core.forecasting.lookahead import leaks
from trader.core.forecasting.scoring import Walk, decision_bytes
from trader.domain.signals import MILLION

EVENING, EVENING_AFTER = parse_instant("23Z-1"), parse_instant("18Z")
FULL = archive(120)
LATE = FIRST + 110


def test_a_source_is_silent_until_it_has_enough_pairs() -> None:
    forecaster = Forecaster(FULL, "NYC", EVENING)
    spoken = [d for d in range(FIRST, FIRST + 120) if forecaster.forecast(d).model is not None]

    # at 23Z the day before, highs of two days back and older are known; fits are made once a week
    assert FIRST + MIN_PAIRS + 1 <= spoken[0] <= FIRST + MIN_PAIRS + 9
    assert spoken == list(range(spoken[0], FIRST + 120))


def test_the_bias_of_the_source_is_learnt_and_the_ladder_is_coherent() -> None:
    found = Forecaster(FULL, "NYC", EVENING).forecast(LATE)

    assert found.model is not None
    newest = FULL.issues["NYC", "test"]
    said = newest.value[(newest.day == LATE) & (newest.known <= EVENING.second(LATE))][-1]
    assert found.model.mean_f - said == pytest.approx(BIAS_F, abs=0.8)
    assert sum(found.model.ppm) == MILLION
    assert min(found.model.ppm) > 0
    at_least = [found.model.between(t, None) for t in range(30, 100)]
    assert at_least == sorted(at_least, reverse=True)
    assert found.model.between(70, None) + found.model.between(None, 69) == 1


def test_forecasts_do_not_depend_on_which_days_were_asked_before() -> None:
    walked = Forecaster(FULL, "NYC", EVENING)
    for day in range(FIRST, LATE):
        walked.forecast(day)

    assert walked.forecast(LATE) == Forecaster(FULL, "NYC", EVENING).forecast(LATE)


def test_a_report_of_the_day_bounds_the_forecast_but_excluded_degrees_keep_a_remainder() -> None:
    seen = archive(120, with_midday=True)
    plain = Forecaster(FULL, "NYC", EVENING_AFTER).forecast(LATE)

    found = Forecaster(seen, "NYC", EVENING_AFTER).forecast(LATE)

    high = int(seen.midday["NYC"].extreme[LATE - FIRST])
    assert found.floor_f == high
    assert found.model is not None
    assert plain.model is not None
    assert 0 < found.model.between(None, high - 1) <= 0.01  # a climate report can overrule a sensor
    assert found.model.sd_f < plain.model.sd_f


def test_a_city_without_forecasts_or_highs_gets_nothing() -> None:
    found = Forecaster(Archive(), "CHI", EVENING).forecast(LATE)

    assert (found.model, found.normal, found.climatology, found.weights) == (None, None, None, ())


def test_no_decision_changes_when_later_data_are_taken_away() -> None:
    for instant in (EVENING, EVENING_AFTER):
        for source in (FULL, archive(120, with_midday=True)):
            cases = [(day, instant.second(day)) for day in (FIRST + 45, FIRST + 77, LATE)]
            assert leaks(lambda a, day, i=instant: decision_bytes(a, "NYC", i, day), source, cases) == []  # type: ignore[misc]


def test_the_detector_catches_a_planted_leak() -> None:
    def peeking(source: Archive, day: int) -> bytes:
        """Adds the settled high of the very day, as a careless join of tables would."""
        highs = source.settled["NYC"]
        return decision_bytes(source, "NYC", EVENING, day) + str(highs.value[highs.day == day]).encode()

    found = leaks(peeking, FULL, [(LATE, EVENING.second(LATE))])

    assert [leak.day for leak in found] == [LATE]
    assert found[0].with_later != found[0].as_known


def test_the_detector_catches_a_forecast_read_from_the_wrong_instant() -> None:
    def late(source: Archive, day: int) -> bytes:
        return decision_bytes(source, "NYC", EVENING_AFTER, day)  # 19 hours after the instant it is judged at

    assert len(leaks(late, FULL, [(LATE, EVENING.second(LATE))])) == 1


def test_pooled_prices_change_with_the_market_but_not_with_later_prices() -> None:
    day = Walk(FULL, "NYC", EVENING).score(LATE)
    cut = FULL.known_by(EVENING.second(LATE))
    published = Archive(cut.issues, FULL.settled, cut.midday, FULL.events, cut.prices)
    as_known = Walk(published, "NYC", EVENING).score(LATE)

    assert day.markets is not None
    assert as_known.markets is not None
    assert set(day.markets.probabilities) == {"model", "normal", "market", "pooled"}
    for name, values in day.markets.probabilities.items():
        assert (values == as_known.markets.probabilities[name]).all()
    assert day.markets.won.sum() == 1
    assert np.isfinite(day.markets.later).all()
    assert (
        as_known.markets.later == as_known.markets.probabilities["market"]
    ).all()  # nothing later is there


def test_scores_reward_the_calibrated_forecast_over_the_plain_normal_with_a_changing_bias() -> None:
    walk = Walk(FULL, "NYC", EVENING)
    days = [walk.score(d) for d in range(FIRST + 45, FIRST + 120)]

    model = np.mean([d.crps["model"] for d in days])
    assert model == pytest.approx(0.564 * 2.1, rel=0.25)  # a calibrated forecast of spread 2
    assert all(d.pit is not None and 0 <= d.pit <= 1 for d in days)
    assert date.fromordinal(days[0].day) == date(2024, 2, 15)
