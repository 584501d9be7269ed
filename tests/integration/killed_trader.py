"""A trader that is killed or stopped at a named point of its cycle: run as a process of its own."""

import os
import signal
import sys
from datetime import datetime

from trader.app.clock import SteppedClock
from trader.app.config import load_settings
from trader.app.cycle import run_cycle
from trader.app.wiring import open_trader
from trader.domain.orders import SendOutcome
from trader.domain.signals import OrderIntent
from trader.ports.exchange import Fence

POINTS = ("before_send", "after_send", "stop_before_send", "stop_after_fence", "stop_after_send")


def main(point: str, instant: str) -> None:
    """Run one cycle at ``instant`` and die, or stop until SIGCONT, at ``point`` of the first create."""
    if point not in POINTS:
        raise SystemExit(f"point: expected one of {POINTS}, found {point!r}; nothing was run")
    settings = load_settings(dict(os.environ))
    clock = SteppedClock(datetime.fromisoformat(instant))
    with open_trader(settings, clock=clock, command="test", world="july2026") as trader:
        send = trader.exchange.create_order

        def strike(here: str) -> None:
            if point == here:
                os._exit(9)
            if point == f"stop_{here}":
                os.kill(os.getpid(), signal.SIGSTOP)

        def struck_send(intent: OrderIntent, *, fence: Fence) -> SendOutcome:
            trader.exchange.create_order = send  # type: ignore[method-assign]  # the first only

            def struck_fence() -> None:
                fence()
                strike("after_fence")

            strike("before_send")
            outcome = send(intent, fence=struck_fence)
            strike("after_send")
            return outcome

        trader.exchange.create_order = struck_send  # type: ignore[method-assign]
        run_cycle(trader, slot="killed")
    if not point.startswith("stop_"):
        raise SystemExit("expected to die, found the cycle finished")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
