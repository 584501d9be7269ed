"""Components and their state: always shape, word and ink; quiet when right, loud when wrong."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dashboard import format as fmt
from dashboard.rows import Component, Health, Status

NAMES: Final[dict[Component, str]] = {
    "trader": "Trader",
    "kalshi_api": "Kalshi prices",
    "nws_api": "Weather",
    "database": "Database",
    "analytics": "Published figures",
    "dashboard": "This page",
}
_SHOWN: Final[dict[Status, tuple[str, str]]] = {  # css class: shape and ink / word
    "ok": ("ok", "OK"),
    "degraded": ("warn", "Late"),
    "down": ("bad", "Down"),
    "unknown": ("off", "Unknown"),
}
_SEVERITY: Final[dict[Status, int]] = {"ok": 0, "unknown": 1, "degraded": 2, "down": 3}


def badge(status: Status, word: str | None = None) -> str:
    css, usual = _SHOWN[status]
    return f'<b class="st {css}">{word or usual}</b>'


def worst(rows: Sequence[Health]) -> Health | None:
    """The component in the worst state, the trader first among equals; None without rows."""
    order = list(NAMES)
    return max(rows, key=lambda r: (_SEVERITY[r.status], -order.index(r.component)), default=None)


def overall(rows: Sequence[Health], *, is_away: bool) -> str:
    """The one badge in the head of every page."""
    if is_away:
        return badge("down", "Database away")
    row = worst(rows)
    if row is None:
        return badge("unknown", "No data yet")
    return (
        badge("ok", "All systems OK")
        if row.status == "ok"
        else badge(row.status, f"{NAMES[row.component]}: {_SHOWN[row.status][1].lower()}")
    )


def sentence(rows: Sequence[Health], *, is_away: bool) -> str:
    """The state of the whole in one sentence."""
    if is_away:
        return "The database does not answer; what you see is the last we had."
    if not rows:
        return "No part has reported yet."
    faulty = [f"{NAMES[r.component]}: {_SHOWN[r.status][1].lower()}" for r in rows if r.status != "ok"]
    return f"{', '.join(faulty)}. All other parts answer in time." if faulty else "All parts answer in time."


def alert(rows: Sequence[Health]) -> str:
    """A banner that names every component that is not right; nothing when all are."""
    faulty = [r for r in rows if r.status in {"degraded", "down"}]
    if not faulty:
        return ""
    is_down = any(r.status == "down" for r in faulty)
    items = "".join(
        f"<span>{badge(r.status, NAMES[r.component])} {fmt.esc(r.message or 'no reason given')}</span>"
        for r in faulty
    )
    return f'<div class="alert{" bad" if is_down else ""}" role="alert">{items}</div>'


def table(rows: Sequence[Health], as_of: datetime | None, *, is_away: bool = False) -> str:
    """The six components; what has never reported is said to be unknown."""
    known = {r.component: r for r in rows}
    body = ""
    for component, name in NAMES.items():
        row = known.get(component)
        status: Status = row.status if row else "unknown"
        if is_away and component == "database":
            status = "down"
        seen = fmt.when(row.last_ok, as_of) if row and row.last_ok and as_of else fmt.NA
        message = (row.message if row else None) or (
            "never reported" if row is None or row.last_ok is None else ""
        )
        if row and row.status != "ok" and row.age_s is not None:
            message += f", last right {fmt.age(row.age_s)} ago"
        if is_away and component == "database":
            message = "does not answer; trying again by itself"
        body += (
            f'<tr><td class="b">{badge(status)}</td><th scope="row">{name}</th><td class="m">'
            f"{fmt.esc(message)}</td>"
            f'<td class="n">{seen}</td></tr>'
        )
    return (
        '<table class="health"><caption class="sr">Components, state, remark, last time '
        "right "
        f"(New York)</caption>{body}</table>"
    )
