"""Where a process can be killed: around every write of the database and every request, numbered from 1.

Installed in a process of its own, which is good for nothing else afterwards.
"""

import os
import re
import signal
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from trader.adapters import wire
from trader.adapters.wire import Answered, Wire

WRITE = re.compile(
    r"\b(?:insert\s+into|update|delete\s+from)\s+(ops\.\w+)|select\s+(ops\.\w+)\(", re.IGNORECASE
)
SENT = "receive_response_headers.started"
"""httpx says so when the request has left whole and nothing of its answer was read."""


class Striker:
    """Names each point; at number ``at`` it tells the name to ``tell`` and kills this process by SIGKILL."""

    def __init__(self, at: int | None, tell: Callable[[str], None]) -> None:
        self.names: list[str] = []
        self._at, self._tell = at, tell

    def point(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._at:
            self._tell(name)
            os.kill(os.getpid(), signal.SIGKILL)


class StruckWire:
    """Real sockets with a point before the first byte, one between last byte and answer, one after it."""

    def __init__(self, inner: Wire, striker: Striker) -> None:
        self._inner, self._striker = inner, striker
        self._now = ""
        listen = wire._Call._before_sending

        def traced(call: Any, event: str, facts: object) -> None:
            listen(call, event, facts)
            if event.endswith(SENT):
                striker.point(f"sent {self._now}")

        wire._Call._before_sending = traced  # type: ignore[method-assign,assignment]

    def carry(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        self._now = f"{method} /{url.split('/', 3)[3]}"
        self._striker.point(f"before {self._now}")
        answered = self._inner.carry(method, url, params, headers, content)
        self._striker.point(f"answered {self._now}")
        return answered

    def close(self) -> None:
        self._inner.close()


def strike_writes(striker: Striker) -> None:
    """Let every transaction that wrote have a point before and one after its commit."""
    written: dict[int, list[str]] = {}
    commit = psycopg.Connection.commit
    rollback = psycopg.Connection.rollback

    def committed(connection: Any) -> None:
        tables = " ".join(dict.fromkeys(written.pop(id(connection), ())))
        if tables:
            striker.point(f"before commit of {tables}")
        commit(connection)
        if tables:
            striker.point(f"after commit of {tables}")

    def rolled_back(connection: Any) -> None:
        written.pop(id(connection), None)
        rollback(connection)

    psycopg.Connection.commit = committed  # type: ignore[method-assign,assignment]
    psycopg.Connection.rollback = rolled_back  # type: ignore[method-assign,assignment]
    for name in ("execute", "executemany"):
        setattr(psycopg.Cursor, name, _seen(getattr(psycopg.Cursor, name), striker, written))


def _seen(run: Callable[..., Any], striker: Striker, written: dict[int, list[str]]) -> Callable[..., Any]:
    def seen(cursor: Any, query: Any, *args: Any, **keywords: Any) -> Any:
        connection = cursor.connection
        text = (
            query
            if isinstance(query, str)
            else query.decode()
            if isinstance(query, bytes)
            else query.as_string()
        )
        tables = [found[1] or found[2] for found in WRITE.finditer(text)]
        if tables and connection.autocommit:
            striker.point(f"before {tables[0]} at once")
        result = run(cursor, query, *args, **keywords)
        if tables and connection.autocommit:
            striker.point(f"after {tables[0]} at once")
        elif tables:
            written.setdefault(id(connection), []).extend(tables)
        return result

    return seen
