"""Why prices did not become orders, by reason and city: counts, most frequent reason first."""

from collections.abc import Sequence
from typing import Final

from dashboard.cities import PLACES
from dashboard.components import reasons
from dashboard.rows import DecisionReason

_SENT: Final = 6  # from this step on a signal is an order


def table(rows: Sequence[DecisionReason]) -> str:
    """Reasons down, cities across; zero is a dot, so that what happened stands out."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.step_no < _SENT:
            by_city = counts.setdefault(row.reason, {})
            by_city[row.city_code] = by_city.get(row.city_code, 0) + row.count
    cities = "".join(f'<th class="n">{place.code}</th>' for place in PLACES)
    body = "".join(
        f'<tr><th scope="row">{reasons.words(code)}<small>{reasons.meaning(code)}</small></th>'
        f'<td class="n all">{sum(by_city.values()):,}</td>'
        f"{''.join(_cell(place.code, by_city.get(place.code, 0)) for place in PLACES)}</tr>"
        for code, by_city in _sorted(counts)
    )
    return (
        '<table class="tab why2"><thead><tr><th>Reason</th><th class="n">All</th>'
        f"{cities}</tr></thead><tbody>{body}</tbody></table>"
    )


def _sorted(counts: dict[str, dict[str, int]]) -> list[tuple[str, dict[str, int]]]:
    return sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))


def _cell(code: str, count: int) -> str:
    """The city stands in the cell too, for the narrow form that has no head."""
    return f'<td class="n{"" if count else " t"}" data-city="{code}">{f"{count:,}" if count else "·"}</td>'
