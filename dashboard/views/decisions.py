"""Decisions: of all prices looked at, why so few became orders."""

from dashboard import format as fmt
from dashboard import snapshots
from dashboard.bundles import Decisions
from dashboard.components import decision_table, funnel, panel, reasons
from dashboard.rows import PageState
from dashboard.views import frame


def first_screen() -> str:
    return frame.first("Decisions", _sentence(snapshots.decisions().value, snapshots.live().value.page))


def render() -> None:
    with frame.slow_page("Decisions", _sentence(snapshots.decisions().value, snapshots.live().value.page)):
        frame.live(lambda: frame.draw(_html()), snapshots.SLOW_REFRESH_S)


def _sentence(found: Decisions, page: PageState | None) -> str:
    if not found.funnel or page is None:
        return "Of all prices looked at, why so few become orders."
    day = found.funnel[0].date
    today = fmt.local(page.as_of, fmt.NEW_YORK).date()
    about = "today’s weather" if day == today else f"the weather of {fmt.day(day, today)}"
    sent = next((s.count for s in found.funnel if s.step == "sent"), 0)
    return f"Of {found.funnel[0].count:,} prices looked at for {about}, {sent:,} became orders."


def _html() -> str:
    found, page = snapshots.decisions().value, snapshots.live().value.page
    today = fmt.local(page.as_of, fmt.NEW_YORK).date() if page else None
    late = funnel.as_of_text(found.funnel, today)
    if not found.funnel:
        return panel.panel("The funnel", late, panel.note("No decision is 60 minutes old yet."))
    return "".join(
        (
            panel.panel(
                "The funnel",
                late,
                funnel.table(found.funnel, has_reasons=True),
                panel.note(
                    "Each contract is looked at once a cycle, so a day has thousands of looks. Below "
                    "each step: what "
                    "stopped those that did not reach it."
                ),
            ),
            panel.panel("By city and reason", late, decision_table.table(found.reasons)),
            panel.panel(
                "The limits",
                "as shipped",
                reasons.limits(),
                panel.note(
                    "The operator may set others. A cap is the smaller of its dollars and its share of "
                    "equity."
                ),
            ),
        )
    )
