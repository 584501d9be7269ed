"""Ten cards: always there, honest about what is missing, closed to markup from outside."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.cities import PLACES
from dashboard.components import city_grid
from dashboard.components.city_card import card, is_impossible, rail_position
from dashboard.rows import BoardRow, Bracket
from tests.unit.dashboard import sample

NYC = PLACES[0]
ROOT = Path(__file__).resolve().parents[3]


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def nyc(**changes: object) -> BoardRow:
    return sample.board_row("NYC").model_copy(update=changes)


def test_places_are_the_traders_ten_cities_in_their_order() -> None:
    cities = json.loads((ROOT / "trader" / "cities.json").read_text(encoding="utf-8"))["cities"]

    assert [(c["code"], c["timezone"]) for c in cities] == [(p.code, p.timezone) for p in PLACES]


@pytest.mark.story("6.2")
@given(st.sets(st.integers(0, 9)), st.sampled_from(["HIGH", "LOW"]), st.sampled_from(["Today", "Tomorrow"]))
def test_ten_cities_are_always_rendered_in_their_order(
    known: set[int], kind: str, day: city_grid.Day
) -> None:
    board = [r for r in sample.board() if r.city_position in known]

    html = city_grid.grid(board, sample.AS_OF if known else None, kind, day)

    assert re.findall(r"<h3>(\w{3})<", html) == [p.code for p in PLACES]


@pytest.mark.story("6.3")
def test_a_card_shows_temperature_bid_ask_spread_size_and_status() -> None:
    said = text_of(card(NYC, nyc(), sample.AS_OF, "HIGH"))

    assert "New York 09:04 EDT" in said
    assert "High so far 74° now 73° at 08:48" in said
    assert "Our forecast 79.9° ±2.9° at 08:00" in said
    assert "Bid 37.5¢ Ask 38.5¢ Spread 2¢ Depth 74k" in said
    assert "Open to 00:59" in said


@pytest.mark.story("6.3")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"forecast_f": None, "forecast_as_of": None}, "N/A no forecast yet"),
        ({"extreme_so_far_f": None, "temp_f": None}, "N/A no station report"),
        ({"temp_f": None}, "now N/A, no station report"),
        ({"leading_bid": None, "spread": None}, "Bid N/A Ask 38.5¢ Spread N/A"),
        ({"event_status": "none", "ladder": ()}, "No market listed"),
        ({"event_status": "closed"}, "Closed"),
        (
            {"is_quote_stale": True, "quotes_as_of": datetime(2026, 7, 21, 12, 31, tzinfo=UTC)},
            "Stale 08:31 prices",
        ),
        ({"volume": Decimal(9_400)}, "Vol 9.4k"),
    ],
)
def test_what_is_missing_or_old_is_said_in_words(changes: dict[str, object], words: str) -> None:
    html = card(NYC, nyc(**changes), sample.AS_OF, "HIGH")

    assert words in text_of(html)
    assert "None" not in html


def test_without_a_row_the_card_keeps_its_shape() -> None:
    html = card(NYC, None, None, "HIGH")

    assert text_of(html).count("N/A") == 6  # clock, two readouts, three rows of the ladder
    assert 'class="plot"' in html


def test_settled_shows_the_official_value_and_the_winner() -> None:
    ladder = [
        b.model_copy(update={"is_winner": i == 1}) for i, b in enumerate(sample.board_row("NYC").ladder)
    ]
    html = card(
        NYC,
        nyc(event_status="settled", official_value=Decimal(80), ladder=tuple(ladder)),
        sample.AS_OF,
        "HIGH",
    )

    assert "Official high 80° final report" in text_of(html)
    assert "Settled 79–80° won" in text_of(html)
    assert html.count("col win") == 1


def test_words_from_outside_are_plain_text() -> None:
    evil = '<img src=x onerror="alert(1)">'
    ladder = (Bracket(label=evil, mid=Decimal("0.5")), Bracket(label=evil, mid=Decimal("0.5")))

    html = card(NYC, nyc(ladder=ladder, leading_label=evil), sample.AS_OF, "HIGH")

    assert "<img" not in html
    assert "&lt;img" in html


@pytest.mark.parametrize(
    ("kind", "extreme", "ruled_out"),
    [("HIGH", 78, 0), ("HIGH", 79, 1), ("HIGH", 87, 5), ("LOW", 87, 0), ("LOW", 86, 1), ("LOW", 78, 5)],
)
def test_a_bracket_is_ruled_out_only_by_logic(kind: str, extreme: int, ruled_out: int) -> None:
    ladder = sample.board_row("NYC").ladder

    assert sum(is_impossible(b, Decimal(extreme), kind) for b in ladder) == ruled_out


@pytest.mark.parametrize(
    ("degree", "place"),
    [
        ("76.5", "0"),
        ("78.5", "1"),
        ("79.5", "1.5"),
        ("80.5", "2"),
        ("86.5", "5"),
        ("88.5", "6"),
        ("90.5", "7"),
        ("74.5", "-1"),
    ],
)
def test_degrees_stand_on_the_columns_scale(degree: str, place: str) -> None:
    assert rail_position(Decimal(degree), sample.board_row("NYC").ladder) == Decimal(place) / 6


def test_a_ladder_with_a_gap_has_no_scale() -> None:
    ladder = sample.board_row("NYC").ladder

    assert rail_position(Decimal(80), (*ladder[:2], *ladder[3:])) is None


def board_of(today: str, tomorrow: str) -> list[BoardRow]:
    """All highs of a day in one state: without a market there is no ladder, unpriced no leading bracket."""
    rows = []
    for r in sample.board():
        state = today if r.is_today else tomorrow
        update = {
            "event_status": "open" if state == "unpriced" else state,
            "ladder": () if state == "none" else r.ladder,
            "leading_label": None if state == "unpriced" else r.leading_label,
        }
        rows.append(r.model_copy(update=update))
    return rows


@pytest.mark.parametrize(
    ("today", "tomorrow", "day"),
    [
        ("open", "open", "Today"),
        ("unpriced", "open", "Tomorrow"),
        ("closed", "open", "Tomorrow"),
        ("settled", "open", "Tomorrow"),
        ("closed", "unpriced", "Today"),
        ("closed", "none", "Today"),
        ("none", "none", "Today"),
    ],
)
def test_today_is_shown_first_as_long_as_it_has_a_price(today: str, tomorrow: str, day: str) -> None:
    assert city_grid.default_day(board_of(today, tomorrow)) == day


def test_without_a_board_the_day_is_today() -> None:
    assert city_grid.default_day(()) == "Today"


def test_the_key_says_when_each_side_is_from() -> None:
    said = text_of(city_grid.key(sample.board(), "HIGH", "Today"))

    assert "Market chance at 09:04 EDT" in said
    assert "Our chance at 08:00 EDT, 60 min or older" in said
    assert "Highest temperature tomorrow, Jul 22" in city_grid.title(sample.board(), "HIGH", "Tomorrow")


def test_a_day_that_has_not_begun_shows_the_temperature_now() -> None:
    said = text_of(card(NYC, sample.board_row("NYC", is_today=False), sample.AS_OF, "HIGH"))

    assert "Now 73° at 08:48" in said
    assert "so far" not in said
