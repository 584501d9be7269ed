"""The ten places of the page in their fixed order, so that ten cards stand there before any data does."""

from typing import Final, NamedTuple


class Place(NamedTuple):
    code: str
    name: str
    timezone: str  # IANA


PLACES: Final = (
    Place("NYC", "New York", "America/New_York"),
    Place("CHI", "Chicago", "America/Chicago"),
    Place("LAX", "Los Angeles", "America/Los_Angeles"),
    Place("MIA", "Miami", "America/New_York"),
    Place("AUS", "Austin", "America/Chicago"),
    Place("DEN", "Denver", "America/Denver"),
    Place("PHL", "Philadelphia", "America/New_York"),
    Place("BOS", "Boston", "America/New_York"),
    Place("SEA", "Seattle", "America/Los_Angeles"),
    Place("SFO", "San Francisco", "America/Los_Angeles"),
)
