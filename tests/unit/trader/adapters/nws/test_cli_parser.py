"""Every recorded climate report gives the values a person reads, or is refused for the right reason."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.samples import RESOURCES
from trader.adapters.nws.cli_parser import ClimateText, parse_climate_report
from trader.adapters.nws.refusal import ReportRefused
from trader.domain.amounts import Amount
from trader.domain.types import MarketType

FOLDER = RESOURCES / "nws_samples" / "cli"
P, F = True, False  # preliminary, final

# file, location, headline, day, preliminary, high, low: as read by eye
READ = [
    ("breezy_CLILAX_final_2026-08-21", "LAX", "LOS ANGELES INTL AIRPORT CA", "2026-08-21", F, 83, 69),
    ("breezy_CLIMDW_final_2026-08-21", "MDW", "CHICAGO-MIDWAY", "2026-08-21", F, 80, 62),
    ("breezy_CLIMIA_final_record_2026-08-18", "MIA", "MIAMI", "2026-08-18", F, 100, 82),
    ("breezy_CLINYC_final_2026-08-21", "NYC", "CENTRAL PARK NY", "2026-08-21", F, 79, 63),
    ("breezy_CLINYC_preliminary_2026-08-21", "NYC", "CENTRAL PARK NY", "2026-08-21", P, 79, 63),
    ("breezy_CLISFO_final_2026-08-21", "SFO", "SAN FRANCISCO AIRPORT", "2026-08-21", F, 68, 58),
    ("livecapture_aus_final", "AUS", "AUSTIN BERGSTROM", "2026-07-08", F, 99, 74),
    ("livecapture_aus_intermediate", "AUS", "AUSTIN BERGSTROM", "2026-07-09", P, 98, 73),
    ("livecapture_chi_final", "MDW", "CHICAGO-MIDWAY", "2026-07-08", F, 89, 67),
    ("livecapture_chi_intermediate", "MDW", "CHICAGO-MIDWAY", "2026-07-09", P, 87, 74),
    ("livecapture_clinyc_202607100625", "NYC", "CENTRAL PARK NY", "2026-07-09", F, 82, 71),
    ("livecapture_den_final", "DEN", "DENVER CO", "2026-07-08", F, 94, 60),
    ("livecapture_den_intermediate", "DEN", "DENVER CO", "2026-07-09", P, 65, 57),
    ("livecapture_mia_final", "MIA", "MIAMI", "2026-07-08", F, 92, 83),
    ("livecapture_mia_intermediate", "MIA", "MIAMI", "2026-07-09", P, 92, 82),
    ("livecapture_nyc_final", "NYC", "CENTRAL PARK NY", "2026-07-08", F, 85, 64),
    ("livecapture_nyc_intermediate", "NYC", "CENTRAL PARK NY", "2026-07-09", P, 82, 71),
    ("livecapture_nyc_record", "NYC", "CENTRAL PARK NY", "2026-07-02", F, 100, 82),
    ("livecapture_phl_final", "PHL", "PHILADELPHIA PA", "2026-07-08", F, 86, 70),
    ("livecapture_phl_intermediate", "PHL", "PHILADELPHIA PA", "2026-07-09", P, 81, 72),
    ("pyiem_CLIACT_preliminary_valid_as_of_pm_2014-12-15", "ACT", "WACO", "2014-12-15", P, 69, 52),
    (
        "pyiem_CLIALO_preliminary_pm_record_negative_2014-01-03",
        "ALO",
        "WATERLOO IA",
        "2014-01-03",
        P,
        19,
        -21,
    ),
    ("pyiem_CLIBGR_snow_record_R_suffix_2014-11-02", "BGR", "BANGOR ME", "2014-11-02", F, 35, 31),
    ("pyiem_CLIBOI_preliminary_am_no_departure_col_2014-12-29", "BOI", "BOISE ID", "2014-12-29", P, 28, 23),
    ("pyiem_CLICVG_colon_times_final_2021-02-04", "CVG", "CINCINNATI OH", "2021-02-04", F, 39, 22),
    ("pyiem_CLICVG_reissue_newer_2020-04-22", "CVG", "CINCINNATI OH", "2020-04-22", F, 70, 35),
    ("pyiem_CLICVG_reissue_older_2020-04-22", "CVG", "CINCINNATI OH", "2020-04-22", F, 68, 35),
    (
        "pyiem_CLIDCA_final_2026-06-28_inconsistent_average",
        "DCA",
        "WASHINGTON NATIONAL DC",
        "2026-06-28",
        F,
        76,
        72,
    ),
    ("pyiem_CLIDRT_preliminary_am_KEWX_2014-12-29", "DRT", "DEL RIO", "2014-12-29", P, 42, 37),
    ("pyiem_CLIEWN_correction_2014-09-28", "EWN", "NEW BERN NC", "2014-09-28", F, 83, 62),
    ("pyiem_CLIFFC_preliminary_missing_MM_2014-10-03", "FFC", "PEACHTREE CITY", "2014-10-03", P, 79, 67),
    (
        "pyiem_CLIHOU_two_sections_final_2014-11-30",
        "HOU",
        "HOUSTON INTERCONTINENTAL",
        "2014-11-30",
        F,
        80,
        61,
    ),
    ("pyiem_CLIHOU_two_sections_final_2014-11-30", "HOU", "HOUSTON/HOBBY AIRPORT", "2014-11-30", F, 79, 62),
    ("pyiem_CLINYC_final_2013-01-02", "NYC", "CENTRAL PARK NY", "2013-01-02", F, 33, 22),
    ("pyiem_CLIRDU_estimated_E_flag", "RDU", "RALEIGH-DURHAM INTL AIRPORT NC", "2021-03-19", F, 57, 37),
    ("pyiem_CLISEW_KSEW_time_MM_2014-12-29", "SEW", "SEATTLE WA WFO", "2014-12-29", F, 44, 34),
]
# The rest of the same reports, row for row: times of high and low (local standard), rain of day and month,
# snow of the day and month, "-" where the report has none or MM; as read by eye.
READ_REST = """
    11:37 05:13 0.00 0.00 -    T
    14:31 05:17 T    4.37 -    -
    14:47 06:57 0.00 2.55 0.0  0.0
    15:01 04:24 T    7.08 0.0  0.0
    14:59 04:24 T    7.08 0.0  0.0
    14:19 06:57 0.00 0.03 -    T
    15:38 05:03 0.00 0.00 0.0  0.0
    14:44 06:08 0.00 0.00 -    -
    14:56 04:31 0.00 3.05 -    -
    14:34 05:36 0.00 3.05 -    -
    10:50 05:34 0.05 1.54 0.0  0.0
    12:12 23:03 T    0.06 0.0  0.0
    01:03 03:24 0.04 0.10 -    -
    14:28 01:26 0.00 0.81 0.0  0.0
    14:57 05:44 0.00 0.81 0.0  0.0
    15:47 04:40 0.00 1.49 0.0  0.0
    10:50 05:34 T    1.49 0.0  0.0
    14:47 05:30 0.00 0.00 0.0  0.0
    16:24 06:34 0.00 2.39 0.0  0.0
    08:58 04:35 2.41 4.80 0.0  0.0
    15:28 08:04 0.02 0.07 0.0  0.0
    16:56 03:55 0.00 0.07 0.0  1.0
    03:24 20:15 0.59 0.79 12.0 12.0
    01:48 07:01 T    3.28 -    -
    23:29 00:43 0.14 0.34 T    2.2
    15:57 05:11 0.00 2.33 0.0  0.0
    15:57 05:11 0.00 2.33 0.0  0.0
    18:27 08:46 0.33 1.68 0.0  0.0
    00:32 06:48 0.00 0.06 -    -
    14:13 06:17 0.00 7.56 0.0  0.0
    14:26 01:06 0.87 0.87 -    0.0
    14:33 23:58 0.00 3.40 0.0  0.0
    14:00 07:30 0.00 4.44 0.0  0.0
    15:01 07:43 0.00 0.00 0.0  0.0
    02:21 23:00 0.10 0.64 0.0  0.0
    -     -     0.00 5.38 0.0  0.0
"""
OTHER_LAYOUT = [
    ("pyiem_CLIANN_other_layout_2015-03-02", "ANN", "ANNETTE WSO AP", "2015-03-02"),
    ("pyiem_CLIEKA_no_time_column_2014-12-28", "EKA", "EUREKA CA", "2014-12-28"),
]


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def parse(text: str, location: str, headline: str, day: str, *, is_preliminary: bool) -> ClimateText:
    issued_at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(
        hours=21 if is_preliminary else 33
    )
    return parse_climate_report(
        text, location=location, headline=headline, issued_at=issued_at, std_utc_offset_hours=-6
    )


NYC = text_of("livecapture_nyc_final")
NYC_PRELIMINARY = text_of("livecapture_nyc_intermediate")


def nyc(text: str, *, is_preliminary: bool = False, day: str = "2026-07-08") -> ClimateText:
    return parse(text, "NYC", "CENTRAL PARK NY", day, is_preliminary=is_preliminary)


def refusal(text: str, *, is_preliminary: bool = False, day: str = "2026-07-08") -> str:
    with pytest.raises(ReportRefused) as caught:
        nyc(text, is_preliminary=is_preliminary, day=day)
    return caught.value.code


@pytest.mark.parametrize(("name", "location", "headline", "day", "is_preliminary", "high", "low"), READ)
def test_recorded_report_gives_what_a_person_reads(
    name: str, location: str, headline: str, day: str, is_preliminary: bool, high: int, low: int
) -> None:
    found = parse(text_of(name), location, headline, day, is_preliminary=is_preliminary)

    assert (found.climate_date, found.is_preliminary) == (date.fromisoformat(day), is_preliminary)
    assert (found.high_f, found.low_f) == (high, low)


def as_read(found: ClimateText) -> list[str]:
    times = ["-" if at is None else f"{at:%H:%M}" for at in (found.high_at, found.low_at)]
    parts = [(found.rain, MarketType.RAIN), (found.snow, MarketType.SNOW)]
    return times + [
        "-" if amount is None else amount.text(kind)
        for part, kind in parts
        for amount in (part.day, part.month)
    ]


def test_times_rain_and_snow_of_every_recorded_report_are_what_a_person_reads() -> None:
    rows = [row.split() for row in READ_REST.strip().splitlines()]

    for (name, location, headline, day, is_preliminary, *_), expected in zip(READ, rows, strict=True):
        found = parse(text_of(name), location, headline, day, is_preliminary=is_preliminary)
        assert (name, as_read(found)) == (name, expected)


def test_every_recorded_report_is_in_a_table() -> None:
    named = {name for name, *_ in [*READ, *OTHER_LAYOUT]}

    assert {path.stem for path in FOLDER.iterdir()} == named


@pytest.mark.parametrize(("name", "location", "headline", "day"), OTHER_LAYOUT)
def test_other_layouts_are_refused(name: str, location: str, headline: str, day: str) -> None:
    with pytest.raises(ReportRefused) as caught:
        parse(text_of(name), location, headline, day, is_preliminary=False)

    assert (caught.value.code, caught.value.climate_date) == ("UNKNOWN_LAYOUT", date.fromisoformat(day))


def test_marks_of_correction_estimate_and_disagreement_are_told() -> None:
    corrected = parse(text_of(READ[29][0]), *READ[29][1:4], is_preliminary=False)
    estimated = parse(text_of(READ[34][0]), *READ[34][1:4], is_preliminary=False)
    edited = parse(text_of(READ[27][0]), *READ[27][1:4], is_preliminary=False)

    assert (corrected.is_corrected, estimated.is_estimated) == (True, True)
    assert edited.oddities == ("AVERAGE_DISAGREES",)
    plain = nyc(NYC)
    assert (plain.is_corrected, plain.is_estimated, plain.oddities) == (False, False, ())
    assert nyc(NYC.replace("CDUS41 KOKX 090626", "CDUS41 KOKX 090626 CCA")).is_corrected
    assert nyc(NYC.replace("JULY 8 2026...", "JULY 8 2026 CORRECTION...")).is_corrected


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("CLINYC", "CLILGA", "WRONG_PRODUCT"),
        ("CDUS41 KOKX 090626", "HELLO", "WRONG_PRODUCT"),
        ("CENTRAL PARK NY CLIMATE SUMMARY", "LA GUARDIA NY CLIMATE SUMMARY", "WRONG_STATION"),
        ("JULY 8 2026...", "JULY 9 2026...", "DATE_MISMATCH"),
        ("JULY 8 2026...", "JULY 38 2026...", "DATE_MISMATCH"),
        ("JULY 8 2026...", "JULEMBER 8 2026...", "DATE_MISMATCH"),
        (" YESTERDAY    ", " TODAY        ", "STATUS_UNCLEAR"),
        ("WEATHER ITEM   OBSERVED TIME ", "WEATHER ITEM   OBSERVED  TIME", "UNKNOWN_LAYOUT"),
        ("TEMPERATURE (F) ", "TEMPERATURES   ", "UNKNOWN_LAYOUT"),
        ("  MAXIMUM         85    347 PM", "  MAXIMUM         MM         ", "VALUE_MISSING"),
        ("  MAXIMUM         85    347 PM", "  MAXIMUM                    ", "VALUE_MISSING"),
        ("  MAXIMUM         85", "  MAXIMUM         8x", "VALUE_MISSING"),
        ("  MAXIMUM         85", "  MAXIMUN         85", "VALUE_MISSING"),
        ("  MAXIMUM         85", "  MAXIMUM         63", "VALUE_IMPLAUSIBLE"),
        ("  MAXIMUM         85", "  MAXIMUM        185", "VALUE_IMPLAUSIBLE"),
    ],
)
def test_report_that_is_not_exactly_ours_is_refused(old: str, new: str, code: str) -> None:
    assert old in NYC

    assert refusal(NYC.replace(old, new, 1)) == code


def test_preliminary_is_never_a_final_and_never_of_another_day() -> None:
    assert nyc(NYC_PRELIMINARY, is_preliminary=True, day="2026-07-09").is_preliminary
    assert refusal(NYC_PRELIMINARY, day="2026-07-09") == "DATE_MISMATCH"
    without_marker = re.sub(r"VALID TODAY AS OF.*\n", "", NYC_PRELIMINARY)
    assert refusal(without_marker, day="2026-07-09") == "STATUS_UNCLEAR"
    assert refusal(without_marker, is_preliminary=True, day="2026-07-09") == "DATE_MISMATCH"


@pytest.mark.parametrize(
    ("old", "new", "oddity"),
    [
        ("  AVERAGE         75", "  AVERAGE         74", "AVERAGE_DISAGREES"),
        ("AM  56    1894  70", "AM  56    1894 110", "FAR_FROM_NORMAL"),
        ("  YESTERDAY        0.00 ", "  YESTERDAY        1.50 ", "RAIN_MONTH_BELOW_DAY"),
        ("  YESTERDAY        0.0  ", "  YESTERDAY        0.1  ", "SNOW_MONTH_BELOW_DAY"),
        ("  YESTERDAY        0.0  ", "  YESTERDAY        T    ", "SNOW_MONTH_BELOW_DAY"),
    ],
)
def test_contradictions_inside_a_report_are_told_and_do_not_hide_its_values(
    old: str, new: str, oddity: str
) -> None:
    assert old in NYC

    found = nyc(NYC.replace(old, new, 1))

    assert found.oddities == (oddity,)
    assert (found.high_f, found.low_f) == (85, 64)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("347 PM", "15:47"),
        ("3:47 PM", "15:47"),
        ("12:05 AM", "00:05"),
        ("12 AM", "00:00"),
        ("12 PM", "12:00"),
        ("1159 PM", "23:59"),
        ("1360 PM", "-"),
        ("1260 PM", "-"),
        ("MM", "-"),
        ("", "-"),
    ],
)
def test_time_of_an_extreme_is_read_in_every_recorded_form(written: str, expected: str) -> None:
    found = nyc(NYC.replace("  MAXIMUM         85    347 PM", f"  MAXIMUM         85  {written:>8}", 1))

    assert (as_read(found)[0], found.high_f) == (expected, 85)


@pytest.mark.parametrize("value", ["1.4", "1.499", "1,49", "MM", "1.49E5", "-1.49", "49", "TT", "1.4 9"])
def test_a_depth_that_is_not_exactly_one_is_missing_and_never_another_number(value: str) -> None:
    found = nyc(NYC.replace("  MONTH TO DATE    1.49", f"  MONTH TO DATE    {value}", 1))

    assert (found.rain.month, found.high_f) == (None, 85)


def test_rain_and_snow_stand_under_the_word_that_heads_the_temperatures() -> None:
    today = nyc(NYC.replace("  YESTERDAY        0.00", "  TODAY            0.00", 1))

    assert (today.rain.day, today.rain.month) == (None, Amount(units=149))


@given(st.integers(0, 99999), st.integers(0, 9999), st.booleans())
def test_any_depths_are_read_back_exactly(rain: int, snow: int, is_trace: bool) -> None:
    written = "T" if is_trace else f"{rain / 100:.2f}"
    text = NYC.replace("  MONTH TO DATE    1.49", f"  MONTH TO DATE {written:>7}", 1)
    text = text.replace("  MONTH TO DATE    0.0 ", f"  MONTH TO DATE {snow / 10:>6.1f} ", 1)

    found = nyc(text)

    assert found.rain.month == Amount(units=0 if is_trace else rain, is_trace=is_trace)
    assert found.snow.month == Amount(units=snow)


def test_normals_block_and_tied_record_years_are_not_observations() -> None:
    aus = text_of("livecapture_aus_final")
    without = re.sub(r"  MAXIMUM         99[^\n]*\n", "", aus)

    assert "MAXIMUM TEMPERATURE (F)" in without
    with pytest.raises(ReportRefused) as caught:
        parse(without, "AUS", "AUSTIN BERGSTROM", "2026-07-08", is_preliminary=False)
    assert caught.value.code == "VALUE_MISSING"


def test_carriage_returns_and_control_bytes_do_not_matter() -> None:
    assert nyc(NYC.replace("\n", "\r\r\n") + "\x03") == nyc(NYC)


@given(st.integers(-80, 140), st.integers(-80, 140), st.sampled_from(["", "R", "E", "(E)", "*"]))
def test_any_value_with_any_flag_is_read_or_refused(high: int, low: int, flag: str) -> None:
    text = NYC.replace(
        "         85  ", f"{high:>11}{flag:<2}"[:13] if len(flag) < 3 else f"{high:>11}{flag}", 1
    )
    text = text.replace("  MINIMUM         64", f"  MINIMUM{low:>11}", 1)

    if high < low:
        assert refusal(text) == "VALUE_IMPLAUSIBLE"
    else:
        found = nyc(text)
        assert (found.high_f, found.low_f) == (high, low)
        assert found.is_estimated is ("E" in flag)


@given(st.data())
def test_no_damage_ends_in_another_error_or_in_values_nobody_wrote(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(NYC) - 1))
    end = data.draw(st.integers(start, min(start + 60, len(NYC))))
    damaged = NYC[:start] + data.draw(st.text(max_size=5)) + NYC[end:]

    try:
        found = nyc(damaged)
    except ReportRefused:
        return
    assert found.low_f <= found.high_f
    lines = damaged.splitlines()
    for label, value in (("MAXIMUM", found.high_f), ("MINIMUM", found.low_f)):
        assert any(line.split()[:2] == [label, str(value)] for line in lines)
    month = found.rain.month
    if month is not None:
        written = month.text(MarketType.RAIN)
        assert any(line.split()[:4] == ["MONTH", "TO", "DATE", written] for line in lines)
