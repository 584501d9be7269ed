"""Whether the public page and its API answer on loopback, as rows for the page's health table."""

import httpx

from trader.app.context import Trader
from trader.domain.risk import HealthStatus
from trader.domain.types import Component, ComponentStatus

TIMEOUT_S = 2.0


def probe_page(trader: Trader) -> ComponentStatus:
    """Ask both processes once and store what they said: both well is ok, one is degraded, none is down."""
    settings, now = trader.settings, trader.clock.now()
    addresses = {
        "page": (f"http://127.0.0.1:{settings.page_port}/_stcore/health", (200,)),
        # 503 is the API's word for something else that is down: it answers
        "API": (f"http://127.0.0.1:{settings.api_port}/v1/health", (200, 503)),
    }
    silent = [name for name, wanted in addresses.items() if not _answers(*wanted)]
    status = ComponentStatus.OK
    if silent:
        status = ComponentStatus.DEGRADED if len(silent) < len(addresses) else ComponentStatus.DOWN
    row = HealthStatus(
        component=Component.DASHBOARD,
        status=status,
        last_ok=now if status is ComponentStatus.OK else None,
        message=f"no answer from {' and '.join(silent)}" if silent else "answers",
        checked_at=now,
    )
    trader.store.risk.save_health(row, at=now)
    return status


def _answers(address: str, statuses: tuple[int, ...]) -> bool:
    try:
        return httpx.get(address, timeout=TIMEOUT_S, trust_env=False).status_code in statuses
    except httpx.HTTPError:
        return False
