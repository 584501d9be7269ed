"""What LIVE asks for before an order can leave: two words, one sentence, one verdict.

Stopping, looking, reconciling and reducing ask for none of it: they must work whatever else is wrong.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from trader.app.config import load_settings
from trader.app.gate_file import read_gates
from trader.core.golive import confirmation, refusal
from trader.domain.errors import ConfigurationError, shown
from trader.domain.golive import GO_LIVE
from trader.domain.types import TradingMode
from trader.ports.approvals import Approvals

WITHOUT_VERDICT = ("reconcile", "flatten")
"""Commands that open a trader and take no new risk."""


def require_live(env: Mapping[str, str], *, command: str, is_asked: bool) -> None:
    """Raise ConfigurationError unless --live and TRADING_MODE=LIVE come together, and with the sentence.

    ``LIVE_CONFIRM`` binds the permission to one key and one host; what was found there is never repeated.
    """
    asked = env.get("TRADING_MODE") or TradingMode.SHADOW
    if is_asked != (asked == TradingMode.LIVE):
        expected = "TRADING_MODE=LIVE" if is_asked else "the word --live besides TRADING_MODE=LIVE"
        found = "none" if not is_asked else asked if asked in TradingMode.__members__ else shown(asked)
        raise ConfigurationError(f"{command}: expected {expected}, found {found}; nothing was started")
    if not is_asked:
        return
    settings = load_settings(env)
    host = urlsplit(settings.kalshi_base_url).hostname or ""
    key_id = settings.kalshi_key.key_id.get_secret_value() if settings.kalshi_key else ""
    found = settings.live_confirm.get_secret_value() if settings.live_confirm else ""
    if found != confirmation(key_id, host):
        raise ConfigurationError(
            f"LIVE_CONFIRM: expected '{confirmation('<KALSHI_LIVE_KEY_ID>', host)}', found "
            f"{'another sentence (not shown)' if found else 'nothing'}; nothing was started"
        )


def require_verdict(approvals: Approvals, now: datetime) -> None:
    """Raise ConfigurationError unless a passed check or a logged override is stored that still counts."""
    gates, _ = read_gates()
    reason = refusal(
        approvals.newest(GO_LIVE),
        last_live_start=approvals.last_live_start(),
        now=now,
        valid_days=gates.verdict_valid_days,
    )
    if reason:
        raise ConfigurationError(
            f"LIVE: expected a passed go-live check or a logged override, found that {reason}; nothing was "
            "started. See docs/DEMO_TO_LIVE_PLAYBOOK.md."
        )
