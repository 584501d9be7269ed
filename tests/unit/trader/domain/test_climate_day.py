"""The climate day on ordinary days, on both daylight-saving days and at the ends of months and years."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.cities import load_cities
from trader.domain.climate_day import climate_date, climate_day_bounds

instants = st.integers(1577836800, 2051222400).map(lambda second: datetime.fromtimestamp(second, UTC))
offsets = st.sampled_from(sorted({city.std_utc_offset_hours for city in load_cities().values()}))


@given(instants, offsets)
def test_each_instant_belongs_to_exactly_one_climate_day(instant: datetime, offset: int) -> None:
    start, end = climate_day_bounds(climate_date(instant, offset), offset)

    assert start <= instant < end
    assert end - start == timedelta(days=1)


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1), date(2028, 2, 29), date(2026, 12, 31)])
def test_next_climate_day_starts_where_the_last_ended(day: date) -> None:
    for city in load_cities().values():
        end = climate_day_bounds(day, city.std_utc_offset_hours)[1]

        assert end == climate_day_bounds(day + timedelta(days=1), city.std_utc_offset_hours)[0]


def test_summer_climate_day_starts_at_one_on_the_wall_clock() -> None:
    start, _ = climate_day_bounds(date(2026, 7, 4), -5)

    assert start == datetime(2026, 7, 4, 5, tzinfo=UTC)
    assert start.astimezone(ZoneInfo("America/New_York")).hour == 1
    assert climate_date(datetime(2026, 7, 4, 4, 59, tzinfo=UTC), -5) == date(2026, 7, 3)


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="aware instant"):
        climate_date(datetime(2026, 7, 4, tzinfo=UTC).replace(tzinfo=None), -5)
