"""The page's and the API's own settings, read from the environment once; they share none with the trader."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


class SettingsError(ValueError):
    """A variable is missing or wrong; the message names it and what was expected, never a value with a
    password."""


@dataclass(frozen=True)
class Settings:
    """``database_url`` is the read-only role's URL, the one credential of these processes."""

    database_url: str = field(repr=False)
    page_origin: str = "http://127.0.0.1:8501"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``DASHBOARD_DATABASE_URL`` (required) and ``DASHBOARD_ORIGIN`` (who may read the API in a
    browser).

    Raises:
        SettingsError: a variable is missing or not of the expected form; nothing starts.
    """
    env = os.environ if environ is None else environ
    url = env.get("DASHBOARD_DATABASE_URL", "")
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        found = "nothing" if not url else "another kind of URL"
        raise SettingsError(
            f"DASHBOARD_DATABASE_URL: expected the postgresql:// URL of the read-only role, found {found}"
        )
    origin = env.get("DASHBOARD_ORIGIN", Settings.page_origin).rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path:
        raise SettingsError(
            f"DASHBOARD_ORIGIN: expected scheme://host[:port], found another form of {len(origin)} characters"
        )
    return Settings(database_url=url, page_origin=origin)


def secret_values(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The secrets these processes hold, for their log to hide: the role's password, the cookies' secret."""
    env = os.environ if environ is None else environ
    found = [env.get("STREAMLIT_SERVER_COOKIE_SECRET", "")]
    try:
        password = urlsplit(env.get("DASHBOARD_DATABASE_URL", "")).password or ""
    except ValueError:  # not a URL; load_settings says so
        password = env["DASHBOARD_DATABASE_URL"]
    return tuple(dict.fromkeys(text for text in (*found, password, unquote(password)) if len(text) >= 4))
