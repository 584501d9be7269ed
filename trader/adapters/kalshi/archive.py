"""Where the exchange draws the line between live and historical rows of an account."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from trader.adapters.fields import read_json
from trader.adapters.kalshi.client import KalshiClient
from trader.domain.errors import MalformedPayload, TransientError, VenueRejected
from trader.ports.clock import Clock

Line = Literal["trades_created_ts", "orders_updated_ts"]
READ_AGAIN = timedelta(hours=12)


class Archive:
    """Old rows are listed under the historical address only: orders after two weeks, fills after months."""

    def __init__(self, client: KalshiClient, *, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._lines: dict[Line, datetime] = {}
        self._until = datetime.min.replace(tzinfo=UTC)

    def reaches(self, line: Line, since: datetime | None) -> bool:
        """Whether rows since then (None: ever) may lie in the archive. Raises TransientError."""
        if (now := self._clock.now()) >= self._until:
            what = "historical cutoff"
            try:
                body = read_json(self._client.get("/historical/cutoff", what=what).body, what)
                names: tuple[Line, ...] = ("trades_created_ts", "orders_updated_ts")
                self._lines = {name: body.instant(name) for name in names}
            except VenueRejected as error:
                if error.status != 404:
                    raise TransientError(f"{error}; old rows may be missing, nothing was used") from error
                self._lines = {}  # an exchange without an archive keeps everything in its lists
            except MalformedPayload as error:
                raise TransientError(f"{error}; old rows may be missing, nothing was used") from error
            self._until = now + READ_AGAIN
        return line in self._lines and (since is None or since < self._lines[line])
