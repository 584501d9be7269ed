"""What the watch needs of the outside: to see, to be heard, to hear."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trader.domain.alerts import Message, Probe


class Probes(Protocol):
    """Looks at the machine and its services on loopback; never raises for a service that is down."""

    def services(self) -> tuple[Probe, ...]: ...
    def certificate_days(self) -> float | None:
        """Days until the page's certificate ends; None when there is no proxy to ask."""
        ...

    def backup_age_h(self) -> dict[str, float | None]:
        """Store -> age of its newest good backup, None without one; empty where no backups are kept."""
        ...

    def disk_used(self) -> dict[str, float]: ...
    def ping(self, name: str, *, is_ok: bool) -> bool:
        """Tell the outside monitor; False when it was not reached or there is none."""
        ...


class Channels(Protocol):
    """Every channel to a person at once."""

    def send(self, message: Message) -> list[tuple[str, bool]]:
        """Kind of each channel and whether it took the message; empty without any channel."""
        ...


class Words(NamedTuple):
    """A message somebody sent to us: where it came from, and its words."""

    source: str
    text: str


class Inbox(Protocol):
    """A channel that can be read. ``cursor`` is what was read last, as text of the channel's own."""

    name: str

    def read(self, cursor: str | None) -> tuple[Sequence[Words], str]:
        """New messages and the next cursor. Raises TransientError when the channel does not answer."""
        ...
