"""The line at the top of every page: what kind of money and day this is, whether all is well, what time it
is."""

from collections.abc import Sequence

from dashboard import format as fmt
from dashboard.components import health_badges
from dashboard.rows import Health, PageState


def ribbon(page: PageState | None, health: Sequence[Health], *, is_away: bool) -> str:
    """Words in a live region of their own; the clock stands outside it, or it would be read out every
    slot."""
    words = _words(page, is_away=is_away)
    clock = ""
    if page is not None:
        clock = (
            f"<span><b>{fmt.local(page.as_of, fmt.NEW_YORK):%H:%M:%S}</b> {fmt.zone_name(page.as_of)}</span>"
            f'<span class="hide">{page.as_of:%H:%M:%S} UTC</span>'
        )
    css = "top ribbon" if words and (page is None or page.world or page.mode != "LIVE") else "top"
    return (
        f'<div class="{css}"><div role="status">{words}</div>'
        f'<span class="clk">{health_badges.overall(health, is_away=is_away)}{clock}</span></div>'
    )


def _words(page: PageState | None, *, is_away: bool) -> str:
    lines = []
    if is_away:
        shown = (
            f"Showing what we had at {fmt.local(page.as_of, fmt.NEW_YORK):%H:%M:%S %Z}."
            if page
            else "Nothing to show yet."
        )
        lines.append(f'<p><b class="st bad">Database away</b>{shown} Trying again by itself.</p>')
    if page is None:
        if not is_away:
            lines.append(
                "<p><b>First start</b>No data yet. The first cycle fills this; the page follows by "
                "itself.</p>"
            )
        return "".join(lines)
    if page.world is not None:
        then = fmt.long_day(fmt.local(page.as_of, fmt.NEW_YORK).date())
        money = "" if page.mode is None else " Pretend money: orders go to a local copy of the exchange."
        lines.append(
            f"<p><b>Recorded week</b>You are watching {then} again, as it happened. Nothing on this page is "
            f"live."
            f"{money}</p>"
        )
    elif page.mode == "SHADOW":
        lines.append(
            "<p><b>Pretend money</b>Real prices, simulated fills. No order reaches the exchange.</p>"
        )
    elif page.mode == "DEMO":
        lines.append("<p><b>Practice exchange</b>Orders go to Kalshi’s practice market. No real money.</p>")
    return "".join(lines)
