"""What was held an hour ago, by cluster of cities: the most that could be lost."""

from collections.abc import Sequence
from typing import Final

from dashboard import format as fmt
from dashboard.components import panel
from dashboard.rows import ClusterExposure

_NAMES: Final = {
    "NE": "Northeast",
    "SE": "Southeast",
    "Midwest": "Midwest",
    "Mountain": "Mountain",
    "West": "West coast",
}


def table(rows: Sequence[ClusterExposure]) -> str:
    if not any(row.markets for row in rows):
        return panel.note("Nothing was held 60 minutes ago.")
    body = "".join(
        f'<tr><th scope="row">{_NAMES[row.cluster]}</th><td class="n">{row.markets:,}</td>'
        f'<td class="n">{fmt.money(row.cost_usd)}</td><td class="n">{fmt.money(row.worst_case_usd)}</td></tr>'
        for row in sorted(rows, key=lambda r: -r.worst_case_usd)
    )
    return (
        '<table class="tab"><thead><tr><th>Region</th><th class="n">Markets</th><th class="n">Paid</th>'
        f'<th class="n">Worst case</th></tr></thead><tbody>{body}</tbody></table>'
        + panel.note("Worst case: of one day’s brackets exactly one wins, so not all can lose at once.")
    )
