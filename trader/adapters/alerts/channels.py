"""Ways to a person: apprise speaks to mail, webhooks, ntfy, Telegram and a hundred others by URL."""

from collections.abc import Sequence

import apprise

from trader.domain.alerts import Message
from trader.domain.errors import ConfigurationError
from trader.domain.types import Severity

TIMEOUT_S = 20
_TYPES = {
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.INFO: apprise.NotifyType.INFO,
}


class AppriseChannels:
    """``ports.alerts.Channels`` over every URL given."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Raises ConfigurationError for a URL apprise cannot read, naming its scheme and no more."""
        self._apprise = apprise.Apprise()
        for position, url in enumerate(urls, start=1):
            if not self._apprise.add(url):
                raise ConfigurationError(
                    f"ALERT_URLS number {position}: expected an address like ntfys://, tgram:// or "
                    f"mailtos://, found {url.partition('://')[0][:12]}://...; nothing was started"
                )

    def send(self, message: Message) -> list[tuple[str, bool]]:
        if not len(self._apprise):
            return []
        kind, plain = _TYPES[message.severity], apprise.NotifyFormat.TEXT
        sent = self._apprise.notify(
            body=message.body, title=message.title, notify_type=kind, body_format=plain, timeout=TIMEOUT_S
        )
        return [(one.name, one.status == apprise.AppriseResultStatus.SUCCESS) for one in sent]
