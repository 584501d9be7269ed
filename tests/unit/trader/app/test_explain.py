"""One decision explained from stored rows alone."""

import pytest

from tests.fakes.desk import Desk
from tests.unit.trader.core import builders as b
from trader.app.cycle import run_cycle
from trader.app.explain import explain
from trader.domain.errors import ConfigurationError


def test_bought_market_is_explained_from_the_book_to_the_fill(desk: Desk) -> None:
    run_cycle(desk.trader, slot="one", codes=["NYC"])
    (intent,) = desk.exchange.sent

    said = explain(desk.store, intent.ticker)
    number = said[0].split()[1]

    assert explain(desk.store, number) == said
    text = "\n".join(said)
    for words in (
        f"market   {intent.ticker}: NYC HIGH of 2026-07-16",
        "station KNYC",
        "book     bid $0.1, ask $0.11",
        "forecast openmeteo_gfs_ensemble 85 F, issued 2026-07-15 23:30 UTC",
        "thought  daily_high",
        "decision BUY by daily_high",
        "  because EDGE_FOUND: The edge after fees reaches the minimum.",
        f"risk     YES: asked {intent.qty:f}, allowed {intent.qty:f}: WITHIN_LIMITS",
        "CITY_EXPOSURE_EXCEEDED: $0.00 -> $",
        f"order    1: OPEN {intent.qty:f} YES at most $0.11, FILLED, filled {intent.qty:f}",
        "SUBMITTING -> FILLED: exchange accepted",
        "give the same plan, byte for byte",
    ):
        assert words in text, words


def test_market_that_was_left_alone_says_why_and_that_nothing_was_sent(desk: Desk) -> None:
    desk.show("CHI", bid="0.10", ask="0.60")
    run_cycle(desk.trader, slot="one", codes=["CHI"])

    said = explain(desk.store, b.contract(84, 85, city="CHI").ticker)

    assert any(line.startswith("decision HOLD by ") and line.endswith(": nothing") for line in said)
    assert "  because SPREAD_TOO_WIDE: Ask minus bid is above the limit." in said
    assert "order    none" in said


@pytest.mark.parametrize("name", ["999999", "KXHIGHNY-26JUL16-B1", "x"])
def test_signal_that_is_not_stored_is_a_usage_error(desk: Desk, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"found '{name}'"):
        explain(desk.store, name)
