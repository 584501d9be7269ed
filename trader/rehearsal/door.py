"""Between trader and simulator in one process: a wire that needs no socket, a clock that both share."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from trader.adapters.wire import USER_AGENT, Answered, NoAnswer
from trader.simulator.app import Simulator
from trader.simulator.clock import WorldClock
from trader.simulator.http import Request
from trader.simulator.spoiled import NoReply


class SharedClock:
    """The trader's clock on the world's: sleeping moves the world. ``offset`` is how far ours is ahead."""

    def __init__(self, world: WorldClock) -> None:
        self._world, self._start = world, world.now()
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return self._world.now() + self.offset

    def monotonic(self) -> float:
        return (self._world.now() - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self._world.move_to(self._world.now() + timedelta(seconds=seconds))

    def step_to(self, instant: datetime) -> None:
        """Move the world to an instant. Raises ClockWentBack, a ValueError, when it lies in the past."""
        self._world.move_to(instant)


class Door:
    """Carries requests to a simulator by calling it; one without answer costs ``timeout_s`` of its time."""

    def __init__(self, simulator: Simulator, clock: SharedClock, *, timeout_s: float) -> None:
        self._simulator, self._clock, self._timeout_s = simulator, clock, timeout_s

    def carry(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        sent = {"user-agent": USER_AGENT, **{name.lower(): value for name, value in headers.items()}}
        path = unquote(urlsplit(url).path)
        reply = self._simulator.respond(Request(method, path, params, sent, content or b""))
        if isinstance(reply, NoReply):
            if reply.at_once:
                raise NoAnswer("expected an answer, found a cut connection")
            self._clock.sleep(self._timeout_s)
            raise NoAnswer(f"expected an answer within {self._timeout_s} s, found none")
        received = {
            "content-type": reply.content_type,
            **{name.lower(): value for name, value in reply.headers},
        }
        return reply.status, received, reply.body

    def close(self) -> None:
        """Nothing is open."""
