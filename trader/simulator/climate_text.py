"""Climate reports as text: recorded high and low in the layout of summer 2026; anything else is MM."""

from datetime import timedelta, timezone

from trader.domain.cities import CityConfig
from trader.simulator.world import Climate

_RULER = "..................................................................."
_HEADING = (
    "WEATHER ITEM   OBSERVED TIME   RECORD YEAR NORMAL DEPARTURE LAST",
    "                VALUE   (LST)  VALUE       VALUE  FROM      YEAR",
    "                                                  NORMAL",
)


def _item(name: str, value: int | None) -> str:
    """One row: label in columns 0-15, value right-aligned to column 17, the time of day unknown."""
    return f"  {name:<14}{'MM' if value is None else value:>2}        MM"


def _depths(heading: str, depths: tuple[str, str] | None, width: int) -> tuple[str, ...]:
    """A section of rain (decimals end in column 22) or snow (in column 21); nothing where none was told."""
    if depths is None:
        return ()
    rows = zip(("YESTERDAY", "MONTH TO DATE"), depths, strict=True)
    return (heading, *(f"  {label:<15}{text:>{width}}" for label, text in rows), "")


def report_text(city: CityConfig, report: Climate, wmo_heading: str) -> str:
    """Return the final report of one climate day, as issued on the morning after.

    The average is the report's own rounding of high and low (half up). Layout: nws-weather.md 2.1.
    """
    low, location = report.low_f, report.location or city.cli_location
    headline = city.report_headline(location)
    average = None if low is None else (report.high_f + low + 1) // 2
    day, issued = report.climate_date, report.issued_at.astimezone(city.zone)
    clock = f"{issued.hour % 12 or 12}{issued:%M} {issued:%p} {issued.tzname()}"
    standard = report.issued_at.astimezone(timezone(timedelta(hours=city.std_utc_offset_hours)))
    if standard.date() <= day:
        raise ValueError(
            f"{city.code} {day}: expected an issue after the climate day, found {standard.isoformat()}"
        )
    lines = (
        "",
        "000",
        f"{wmo_heading} {report.issued_at:%d%H%M}",
        f"CLI{location}",
        "",
        "CLIMATE REPORT",
        f"NATIONAL WEATHER SERVICE {city.nws_office}",
        f"{clock} {issued:%a %b %d %Y}".upper(),
        "",
        "...................................",
        "",
        f"...THE {headline} CLIMATE SUMMARY FOR {day:%B} {day.day} {day.year}...".upper(),
        "",
        *_HEADING,
        _RULER,
        "TEMPERATURE (F)",
        " YESTERDAY",
        _item("MAXIMUM", report.high_f),
        _item("MINIMUM", low),
        _item("AVERAGE", average).removesuffix("        MM"),
        "",
        *_depths("PRECIPITATION (IN)", report.rain, 6),
        *_depths("SNOWFALL (IN)", report.snow, 5),
        _RULER,
        "",
        "MM INDICATES DATA IS MISSING.",
        "",
        "$$",
        "",
    )
    return "\n".join(lines)
