"""The arithmetic and the rules of going live; nothing here switches anything.

Skill is judged by a one-sided asymptotic confidence sequence (Robbins' normal mixture; Waudby-Smith, Arbour,
Sinha, Kennedy and Ramdas 2024, theorem 2.2 and proposition B.1): it holds at every day at once, so that
looking every day, and stopping when it looks good, does not make luck pass. The variance counts the
correlation of neighbouring days, because weather comes in spells. dbt computes the same in SQL.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, variance

from trader.domain.golive import GO_LIVE, Approval, GateRow, Verdict

OVERRIDE_WORDS = "I go live without the evidence"


def mixture(alpha: float, tuned_for: int) -> float:
    """The mixture's variance (rho squared) that makes the bound tightest after ``tuned_for`` days."""
    log = 2 * math.log(1 / (2 * alpha))
    return (log + math.log(log + 1)) / tuned_for


def half_width(count: int, alpha: float, rho2: float) -> float:
    """Half-width of the one-sided bound in standard deviations of a day, after ``count`` days."""
    grown = count * rho2 + 1
    return math.sqrt(2 * grown / (count * count * rho2) * math.log(1 + math.sqrt(grown) / (2 * alpha)))


def lower_bound(days: Sequence[float], alpha: float, tuned_for: int) -> float | None:
    """The value that the mean of ``days`` exceeds with certainty 1 - alpha at all looks together.

    None with fewer than two days.
    """
    count = len(days)
    if count < 2:
        return None
    mean = fmean(days)
    neighbours = sum(a * b for a, b in pairwise(days)) / (count - 1) - mean * mean
    spread = variance(days) + 2 * max(neighbours, 0.0)
    return mean - math.sqrt(spread) * half_width(count, alpha, mixture(alpha, tuned_for))


def verdict_of(rows: Sequence[GateRow]) -> Verdict:
    """Fail when any gate fails, else not enough data when any lacks it, else pass; nothing is no data."""
    found = {row.verdict for row in rows}
    if "fail" in found:
        return "fail"
    return "not_enough_data" if "not_enough_data" in found or not rows else "pass"


def confirmation(key_id: str, host: str) -> str:
    """The sentence LIVE_CONFIRM must hold: another key or another host needs another one."""
    return f"I trade real money with key {key_id} at {host}"


def refusal(
    newest: Approval | None, *, last_live_start: datetime | None, now: datetime, valid_days: int
) -> str | None:
    """Why LIVE may not start; None when it may.

    The newest verdict decides, pass or override. It is good for ``valid_days``; a live trader that started
    within them may start again later, because a restart is no new decision.
    """
    if newest is None or newest.kind != GO_LIVE:
        return "no verdict of `milkbot go-live-check` is stored"
    if newest.verdict not in ("pass", "override"):
        return f"the newest verdict is {newest.verdict} ({newest.given_at:%Y-%m-%d %H:%M UTC})"
    used = last_live_start is not None and last_live_start >= newest.given_at
    if not used and now - newest.given_at > timedelta(days=valid_days):
        return f"the newest verdict is older than {valid_days} days ({newest.given_at:%Y-%m-%d %H:%M UTC})"
    return None
