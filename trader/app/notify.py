"""Telling the service manager that the trader is up, alive and stopping.

One datagram to the socket it named in ``NOTIFY_SOCKET``; without one every call does nothing. The trader
feeds the watchdog with completed cycles only: a process that lives but no longer trades is restarted.
Source: sd_notify(3), the protocol's description.
"""

import socket
from collections.abc import Mapping
from typing import Final

_WAIT_S: Final = 1.0  # a manager that does not read must not hold up a cycle longer than this


class Notifier:
    """Speaks to one manager. Every call returns whether the datagram was taken; none raises."""

    def __init__(self, address: str | None) -> None:
        """``address``: a path, or a name in the abstract space with a leading ``@``; None: nobody listens."""
        self._address = address or None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Notifier":
        return cls(env.get("NOTIFY_SOCKET"))

    def ready(self, status: str = "") -> bool:
        """Say that start-up is complete: keys proved, books reconciled, writer lock held."""
        return self._send("READY=1", status)

    def watchdog(self, status: str = "") -> bool:
        """Say that one more cycle was completed; call it only after its outcome is stored."""
        return self._send("WATCHDOG=1", status)

    def stopping(self, status: str = "") -> bool:
        """Say that the stop was understood and the cycle in hand is being finished."""
        return self._send("STOPPING=1", status)

    def _send(self, word: str, status: str) -> bool:
        if self._address is None:
            return False
        lines = [word, f"STATUS={' '.join(status.split())}"] if status else [word]
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(_WAIT_S)
                out.sendto("\n".join(lines).encode(), name)
        except OSError:
            return False  # trading goes on: the manager decides by the silence
        return True
