"""Every version of the daily climate reports of a city's stations, read and judged once."""

import threading
from datetime import datetime, timedelta
from hashlib import sha256

from trader.adapters.nws.cli_parser import ClimateText, parse_climate_report
from trader.adapters.nws.client import NwsClient
from trader.adapters.nws.refusal import ReportRefused
from trader.domain.cities import CityConfig
from trader.domain.errors import MalformedPayload, TransientError
from trader.ports.clock import Clock
from trader.ports.exchange import RawPayload
from trader.ports.weather import ClimateReport

DEFAULT_SPAN = timedelta(days=3)
_Read = tuple[ClimateText | ReportRefused, datetime, RawPayload]


class ClimateReports:
    """Lists reports and fetches each text once: a product never changes under its id."""

    def __init__(self, client: NwsClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._read: dict[tuple[str, str], _Read] = {}
        self._lock = threading.Lock()

    def of(self, city: CityConfig, location: str, since: datetime | None = None) -> tuple[ClimateReport, ...]:
        """Return all versions issued since then (three days by default), oldest first.

        The first final of a day is told from later ones by the list itself, which reaches back for weeks.
        Raises TransientError; a partial list is never returned.
        """
        earliest = since or self._clock.now() - DEFAULT_SPAN
        try:
            heads = self._client.product_list("CLI", location)
            # one more day: a revised report whose first version is just outside must not look like the first
            wanted = [head for head in heads if head.issued_at >= earliest - timedelta(days=1)]
            texts = [self._text(head.product_id, city, location) for head in wanted]
            self._forget(location, {head.product_id for head in heads})
        except MalformedPayload as error:
            raise TransientError(f"{error}; no report of {location} was used") from error
        finals: set[object] = set()
        reports = []
        for text, issued_at, payload in texts:
            report = _report(text, issued_at, payload, city, location, finals)
            if report.issued_at >= earliest:
                reports.append(report)
        return tuple(reports)

    def _text(self, product_id: str, city: CityConfig, location: str) -> _Read:
        with self._lock:
            known = self._read.get((location, product_id))
        if known is not None:
            return known
        text, issued_at, received_at = self._client.product(product_id)
        payload = RawPayload(
            sha256=sha256(text.encode()).hexdigest(),
            content_type="text/plain",
            body=text,
            received_at=received_at,
        )
        read: _Read = (_parse(text, issued_at, city, location), issued_at, payload)
        with self._lock:
            self._read[location, product_id] = read
        return read

    def _forget(self, location: str, listed: set[str]) -> None:
        """Drop texts that the list no longer names, so that years of reports are not kept."""
        with self._lock:
            for key in [key for key in self._read if key[0] == location and key[1] not in listed]:
                del self._read[key]


def _parse(text: str, issued_at: datetime, city: CityConfig, location: str) -> ClimateText | ReportRefused:
    try:
        return parse_climate_report(
            text,
            location=location,
            headline=city.report_headline(location),
            issued_at=issued_at,
            std_utc_offset_hours=city.std_utc_offset_hours,
        )
    except ReportRefused as refusal:
        return refusal


def _report(
    text: ClimateText | ReportRefused,
    issued_at: datetime,
    payload: RawPayload,
    city: CityConfig,
    location: str,
    finals: set[object],
) -> ClimateReport:
    """Judge one version after all earlier ones: ``finals`` are the days that have a final."""
    pil = f"CLI{location}"
    if isinstance(text, ReportRefused):
        return ClimateReport(
            pil=pil,
            city_code=city.code,
            climate_date=text.climate_date,
            issued_at=issued_at,
            status="refused",
            high_f=None,
            low_f=None,
            refusal=f"{text.code}: {text}"[:300],
            payload=payload,
        )
    is_first = not text.is_preliminary and text.climate_date not in finals and not text.is_corrected
    if not text.is_preliminary:
        finals.add(text.climate_date)
    return ClimateReport(
        pil=pil,
        city_code=city.code,
        climate_date=text.climate_date,
        issued_at=issued_at,
        status="preliminary" if text.is_preliminary else "final_first" if is_first else "final_revised",
        high_f=text.high_f,
        low_f=text.low_f,
        high_at=text.high_at,
        low_at=text.low_at,
        rain=text.rain.day,
        rain_month=text.rain.month,
        snow=text.snow.day,
        snow_month=text.snow.month,
        oddities=text.oddities,
        refusal=None,
        payload=payload,
    )
