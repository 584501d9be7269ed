"""A trader that is killed at a named point of its cycle: run as a process of its own."""

import os
import sys
from datetime import datetime
from pathlib import Path

from trader.app.clock import SteppedClock
from trader.app.config import load_settings
from trader.app.cycle import run_cycle
from trader.app.wiring import open_trader
from trader.domain.orders import SendOutcome
from trader.domain.signals import OrderIntent
from trader.ports.exchange import Fence


def main(point: str, instant: str) -> None:
    """Run one cycle at ``instant`` and die at ``point``: before_send or after_send of the first create."""
    settings = load_settings(dict(os.environ))
    clock = SteppedClock(datetime.fromisoformat(instant))
    with open_trader(settings, clock=clock, command="test", world="july2026") as trader:
        send = trader.exchange.create_order

        def dying_send(intent: OrderIntent, *, fence: Fence) -> SendOutcome:
            if point == "before_send":
                os._exit(9)
            send(intent, fence=fence)
            os._exit(9)

        trader.exchange.create_order = dying_send  # type: ignore[method-assign]
        run_cycle(trader, slot="killed")
    Path("/dev/stderr").write_text("expected to die, found the cycle finished\n")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
