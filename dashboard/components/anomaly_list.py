"""Unusual conditions, newest first; the words come from outside and are shown as plain text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dashboard import format as fmt
from dashboard.components import panel
from dashboard.rows import Anomaly

_MARKS: Final = {"NORMAL": ("off", "Over"), "SUSPICIOUS": ("warn", "Unusual"), "ALERT": ("bad", "Alert")}


def table(rows: Sequence[Anomaly], as_of: datetime | None) -> str:
    if not rows or as_of is None:
        return panel.note("Nothing unusual is known.")
    body = ""
    for row in rows:
        css, word = _MARKS[row.class_]
        about = " ".join(
            fmt.esc(part)
            for part in (
                row.city_code,
                row.market_type and row.market_type.lower(),
                row.bracket_label and fmt.bracket_label(row.bracket_label),
            )
            if part
        )
        by = "" if row.author == "rules" else f" <i>by {fmt.esc(row.author)}</i>"
        body += (
            f'<tr><td class="b"><b class="st {css}">{word}</b></td><th scope="row">{about or "All"}</th>'
            f'<td class="m">{fmt.esc(row.reason)}{by}</td>'
            f'<td class="n">{fmt.when(row.occurred_at, as_of)}</td></tr>'
        )
    return (
        '<table class="health odd"><caption class="sr">State, about, words, time (New York)</caption>'
        f"{body}</table>"
    )
