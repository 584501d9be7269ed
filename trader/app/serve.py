"""Starting the public page and its API as processes of their own, with the read-only credential alone."""

import os
import secrets
import sys
from pathlib import Path

from trader.app.children import Children

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


def public_env(dashboard_url: str) -> dict[str, str]:
    """Environment of the public plane: the read-only database URL, a cookie secret, and nothing of the
    trader's.
    """
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return env | {
        "DASHBOARD_DATABASE_URL": dashboard_url,
        "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(32),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }


def page_command(port: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "dashboard" / "app.py"),
        "--server.port",
        str(port),
    ]


def api_command(port: int) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "dashboard.api:app", "--host", "127.0.0.1", "--port", str(port)]


def start_page(children: Children, port: int, dashboard_url: str) -> None:
    """Start Streamlit on 127.0.0.1; it reads its configuration from the dashboard folder."""
    children.start("page", page_command(port), env=public_env(dashboard_url), cwd=ROOT / "dashboard")


def start_api(children: Children, port: int, dashboard_url: str) -> None:
    children.start("api", api_command(port), env=public_env(dashboard_url), cwd=ROOT)
