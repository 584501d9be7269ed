"""A sample of ``make brute`` in every run, and proof that it can fail."""

from collections.abc import Sequence

import pytest

from tests.proofs.exposure import differences
from trader.core import exposure
from trader.domain.positions import Holding
from trader.domain.types import Side


@pytest.mark.story("4.4")
def test_the_engine_equals_brute_force_on_random_books() -> None:
    assert differences(range(300)) == []


def test_an_engine_that_lets_a_pending_order_offset_a_loss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_filled(held: Sequence[Holding], winners: frozenset[str]) -> object:
        return sum(h.qty * (h.cost_usd - ((h.ticker in winners) is (h.side is Side.YES))) for h in held)

    monkeypatch.setattr(exposure, "_loss_in", always_filled)

    assert differences(range(40))
