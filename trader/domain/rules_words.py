"""Words that rules texts share: who decides, which month, which place."""

import re

from trader.domain.cities import CityConfig

NWS = "National Weather Service"
TWC = "The Weather Company"
UNKNOWN_SOURCE = "unknown"

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# Words that may stand beside the station's own without naming another place.
_FILLERS = frozenset(
    ["ny", "il", "ca", "fl", "tx", "co", "pa", "ma", "wa", "the", "international", "airport"]
)


def month_number(written: str) -> int:
    """Return 1 to 12, 0 for no month. June, Jun and Sept occur in recorded texts; no other short form."""
    name = "Sep" if written == "Sept" else written
    return next((n for n, month in enumerate(_MONTHS, 1) if name in (month, month[:3])), 0)


def names_station(place: str, city: CityConfig, location: str) -> bool:
    """Whether the place is the station of the climate report ``location``.

    The report's code decides where there is one. Without it, every word of the report's headline or of the
    station's own name must stand there, and no word that could mean another place (Miami Beach, or Chicago
    alone, which has two).
    """
    if code := re.search(r"\bCLI([A-Z]{3})\b", place):
        return code[1] == location
    found, headline = _words(place), _words(city.report_headline(location))
    names, allowed = [headline], headline | _words(city.name) | _FILLERS
    if location == city.cli_location:
        names.append(_words(city.station_name.rpartition(", ")[2]))
        allowed |= _words(city.station_name)
    return found <= allowed and any(words - _FILLERS <= found for words in names)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower().replace("'", "").replace("intl", "international")))
