"""Every recorded station summary gives the values a person reads, or is refused for the right reason."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import RESOURCES
from trader.adapters.nws.daily_summary import DailySummary, parse_daily_summaries
from trader.adapters.nws.refusal import ReportRefused
from trader.domain.types import MarketType

FOLDER = RESOURCES / "nws_samples" / "cf6_dsm"
COLLECTIVE = (FOLDER / "pyiem_DSM_collective.txt").read_text(encoding="utf-8")
MISSING = (FOLDER / "pyiem_DSM_allmissing.txt").read_text(encoding="utf-8")
DAY, ISSUED = date(2015, 11, 26), datetime(2015, 11, 27, 6, 16, tzinfo=UTC)

# station, high and its time, low and its time, rain: as read by eye
READ = """
    KHKS 66 11:52 47 03:16 0.45
    KFSM 59 15:46 46 23:59 T
    KFYV 53 11:02 35 23:59 0.06
    KCKV 62 12:49 41 23:59 0.43
    KMEM 56 16:41 43 23:59 0.47
    KJBR 50 15:10 37 04:21 T
    KJAN 65 15:06 41 03:21 0.29
    KBWG 59 13:40 36 00:45 0.18
    KLIT 58 15:45 30 20:34 0.14
    KHSV 66 13:10 36 03:38 0.10
    KRUE 59 15:58 39 03:20 T
    KHKA 54 12:28 39 23:59 0.01
    KPBF 63 15:11 45 23:59 0.01
    KAWM 55 14:28 40 23:59 0.27
    KMKL 53 10:13 37 03:59 0.24
    KTVR 70 15:17 48 02:01 0.05
    KHOT 61 15:07 45 02:34 0.01
    KMEI 63 16:29 32 01:59 0.02
    KGLH 65 16:23 43 03:33 0.07
    KGWO 63 23:07 45 02:36 0.61
    KBPK 50 14:22 37 23:22 0.02
    KDCU 64 13:33 30 03:31 0.02
    KLLQ 65 16:50 43 01:15 T
"""


def parse(text: str, station: str, issued_at: datetime = ISSUED) -> DailySummary:
    (found,) = parse_daily_summaries(text, station=station, issued_at=issued_at, std_utc_offset_hours=-6)
    return found


def words(found: DailySummary) -> list[str]:
    rain = "-" if found.rain is None else found.rain.text(MarketType.RAIN)
    times = [f"{at:%H:%M}" for at in (found.high_at, found.low_at) if at is not None]
    return [str(found.high_f), times[0], str(found.low_f), times[1], rain]


def test_every_station_of_the_recorded_collective_gives_what_a_person_reads() -> None:
    rows = [line.split() for line in READ.strip().splitlines()]

    assert COLLECTIVE.count(" DS 26/11 ") == len(rows)
    for station, *expected in rows:
        found = parse(COLLECTIVE, station)
        assert (station, words(found)) == (station, expected)
        assert (found.climate_date, found.until, found.is_corrected) == (DAY, None, False)


def test_missing_values_are_missing() -> None:
    found = parse(MISSING, "KHKS")

    assert (found.high_f, found.high_at, found.low_f, found.rain) == (None, None, None, None)
    assert found.climate_date == DAY


def test_another_station_is_not_there() -> None:
    assert parse_daily_summaries(COLLECTIVE, station="KNYC", issued_at=ISSUED, std_utc_offset_hours=-6) == ()
    assert parse_daily_summaries(COLLECTIVE, station="HKS", issued_at=ISSUED, std_utc_offset_hours=-6) == ()


def test_corrections_intermediate_messages_and_temperatures_below_zero_are_told() -> None:
    text = COLLECTIVE.replace("KHKS DS 26/11 661152/ 470316//", "KHKS DS COR 1500 26/11 1001152/ -50316//", 1)

    found = parse(text, "KHKS")

    assert (found.is_corrected, found.until) == (True, time(15))
    assert (found.high_f, found.low_f, found.low_at) == (100, -5, time(3, 16))


def test_the_year_is_the_one_that_lets_the_day_be_over() -> None:
    text = COLLECTIVE.replace("26/11", "31/12")

    assert parse(text, "KHKS", datetime(2026, 1, 1, 6, 20, tzinfo=UTC)).climate_date == date(2025, 12, 31)
    assert parse(text, "KHKS", datetime(2026, 12, 31, 20, tzinfo=UTC)).climate_date == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("KHKS DS 26/11", "KHKS DS 31/11", "DATE_MISMATCH"),
        ("661152/", "66/", "UNKNOWN_LAYOUT"),
        ("661152/", "662552/", "VALUE_IMPLAUSIBLE"),
        ("661152/ 470316", "461152/ 670316", "VALUE_IMPLAUSIBLE"),
        ("0021509/45/", "0021509/46/", "VALUE_IMPLAUSIBLE"),
        ("0021509/45/00/", "0021509/45/", "VALUE_IMPLAUSIBLE"),
        ("0021509/45/", "0021509/4.5/", "UNKNOWN_LAYOUT"),
    ],
)
def test_message_that_is_not_whole_is_refused(old: str, new: str, code: str) -> None:
    assert old in COLLECTIVE

    with pytest.raises(ReportRefused) as caught:
        parse(COLLECTIVE.replace(old, new, 1), "KHKS")

    assert caught.value.code == code


@given(st.data())
def test_no_damage_ends_in_another_error(data: st.DataObject) -> None:
    text = COLLECTIVE[:400]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[end:]

    try:
        found = parse_daily_summaries(damaged, station="KHKS", issued_at=ISSUED, std_utc_offset_hours=-6)
    except ReportRefused:
        return
    assert all(s.high_f is None or s.low_f is None or s.low_f <= s.high_f for s in found)
