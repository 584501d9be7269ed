"""Every recorded monthly form gives the rows a person reads, or is refused for the right reason."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import RESOURCES
from trader.adapters.nws.month_form import FormDay, parse_month_form
from trader.adapters.nws.refusal import ReportRefused
from trader.domain.amounts import Amount, add_amounts
from trader.domain.types import MarketType

FOLDER = RESOURCES / "nws_samples" / "cf6_dsm"
DES_MOINES = (FOLDER / "pyiem_CF6DSM_2020-02.txt").read_text(encoding="utf-8")
SEATTLE = (FOLDER / "pyiem_CF6SEA_2020-02.txt").read_text(encoding="utf-8")
GRAND_RAPIDS = (FOLDER / "pyiem_CF6GRR.txt").read_text(encoding="utf-8")


def row(found: FormDay) -> tuple[int | None, int | None, str, str]:
    rain, snow = (
        "-" if amount is None else amount.text(kind)
        for amount, kind in ((found.rain, MarketType.RAIN), (found.snow, MarketType.SNOW))
    )
    return found.high_f, found.low_f, rain, snow


@pytest.mark.parametrize(
    ("text", "location", "days", "some"),
    [
        (
            DES_MOINES,
            "DSM",
            22,
            {
                1: (42, 32, "0.00", "0.0"),
                7: (26, 20, "0.07", "1.6"),
                8: (29, 13, "T", "T"),
                12: (36, 2, "0.07", "0.9"),
                13: (4, -10, "T", "T"),
                19: (21, 12, "T", "0.2"),
                22: (53, 27, "0.00", "0.0"),
            },
        ),
        (
            SEATTLE,
            "SEA",
            22,
            {1: (55, 37, "1.18", "0.0"), 3: (43, 35, "0.11", "T"), 22: (47, 39, "0.07", "0.0")},
        ),
        (GRAND_RAPIDS, "GRR", 1, {1: (51, 20, "0.00", "0.0")}),
    ],
)
def test_recorded_form_gives_what_a_person_reads(
    text: str, location: str, days: int, some: dict[int, tuple[int, int, str, str]]
) -> None:
    found = parse_month_form(text, location=location)

    assert len(found) == days
    month = next(iter(found)).replace(day=1)
    assert {day: row(found[month.replace(day=day)]) for day in some} == some


def test_totals_of_the_month_are_those_that_the_form_prints() -> None:
    for text, location, rain, snow in ((DES_MOINES, "DSM", "0.21", "2.7"), (SEATTLE, "SEA", "3.61", "T")):
        rows = parse_month_form(text, location=location).values()

        assert add_amounts(r.rain for r in rows if r.rain).text(MarketType.RAIN) == rain
        assert add_amounts(r.snow for r in rows if r.snow).text(MarketType.SNOW) == snow


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("CF6SEA", "CF6BFI", "WRONG_PRODUCT"),
        ("MONTH:     2", "MONTH:     13", "DATE_MISMATCH"),
        ("MONTH:     2", "MONTH:     FEBUARY", "DATE_MISMATCH"),
        ("YEAR:      2020", "YEAR:      20X0", "DATE_MISMATCH"),
        ("DY MAX MIN AVG", "DY MIN MAX AVG", "UNKNOWN_LAYOUT"),
        (" 1  55  37  46", "31  55  37  46", "UNKNOWN_LAYOUT"),
        (" 2  44  32  38", " 1  44  32  38", "DATE_MISMATCH"),
        (" 1  55  37  46", " 1  56  37  46", "VALUE_IMPLAUSIBLE"),
        ("0 1.18  0.0", "0 1.08  0.0", "VALUE_IMPLAUSIBLE"),
        (" 1  55  37  46", " 1   5 537  46", "VALUE_IMPLAUSIBLE"),
        (" 1  55  37  46", " 1  5x  37  46", "UNKNOWN_LAYOUT"),
        ("0 1.18  0.0", "0  1.2  0.0", "UNKNOWN_LAYOUT"),
        ("SM 1078", "XX 1078", "UNKNOWN_LAYOUT"),
    ],
)
def test_form_that_is_not_exactly_ours_is_refused(old: str, new: str, code: str) -> None:
    assert old in SEATTLE

    with pytest.raises(ReportRefused) as caught:
        parse_month_form(SEATTLE.replace(old, new, 1), location="SEA")

    assert caught.value.code == code


def test_missing_values_are_missing_and_the_rest_still_adds_up() -> None:
    text = SEATTLE.replace(" 1  55  37  46   3  19   0 1.18  0.0", " 1   M   M   M   M   M   M    M    M", 1)
    text = text.replace("SM 1078  827       472   0  3.61", "SM 1023  790       472   0  2.43", 1)

    found = parse_month_form(text, location="SEA")

    assert row(found[date(2020, 2, 1)]) == (None, None, "-", "-")
    assert found[date(2020, 2, 5)].rain == Amount(units=52)


@given(st.data())
def test_no_damage_ends_in_another_error_or_in_a_wrong_sum(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SEATTLE) - 1))
    end = data.draw(st.integers(start, min(start + 60, len(SEATTLE))))
    damaged = SEATTLE[:start] + data.draw(st.text(max_size=5)) + SEATTLE[end:]

    try:
        found = parse_month_form(damaged, location="SEA")
    except ReportRefused:
        return
    sums = next(line.split() for line in damaged.splitlines() if line.startswith("SM "))
    assert sums[1] in ("M", str(sum(r.high_f for r in found.values() if r.high_f is not None)))
    assert re.fullmatch(r"M|T|\d+\.\d\d", sums[5])
