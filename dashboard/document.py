"""The documents of the page: the framework's own with the first screen already drawn in it.

A visitor reads the first number before a megabyte of script has come and run, or where scripts do not run at
all. The drawn screen covers the window until the live page stands behind it and then removes itself.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import streamlit
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.starlette import App

from dashboard.components import panel
from dashboard.views import about, decisions, forecasts, health, overview, performance, trades


class _View(Protocol):
    """A module of ``dashboard.views``."""

    def first_screen(self) -> str:
        """HTML without a root that stands where the live page will."""


_VIEWS: Final[dict[str, _View]] = {
    "": overview,
    "trades": trades,
    "performance": performance,
    "forecasts": forecasts,
    "decisions": decisions,
    "health": health,
    "about": about,
}
_FRAMEWORK: Final = Path(streamlit.__file__).parent / "static"
_OURS: Final = Path(__file__).parent / "static"
_ROOT: Final = '<div id="root"></div>'

# Parts that the framework asks for one after the other once its script runs: asked for at once they cost no
# round trip. Their names carry a hash, so they are looked up.
_LATER: Final = ("Html", "purify.es", "ButtonGroup", "WidgetLabel", "useBasicWidgetState")

# deploy/nginx/render.py allows exactly these two scripts, by their hash.
# Where the socket is: without it a deep link such as /trades asks below its own name first, two errors in the
# console and, behind a proxy, whatever answers there is believed.
BASE_SCRIPT: Final = 'window.__streamlit={BACKEND_BASE_URL:location.origin+"/"}'
# The drawn screen goes when the live one has its foot, and in any case before it could be taken for live.
LEAVE_SCRIPT: Final = (
    'addEventListener("DOMContentLoaded",()=>{const drawn=document.getElementById("drawn");'
    "if(!drawn)return;const leave=()=>{watch.disconnect();"
    "const live=document.querySelector('[data-testid=\"stMain\"]');const far=drawn.scrollTop;"
    "drawn.remove();if(live)live.scrollTop=far};const watch=new MutationObserver(()=>{"
    'if(document.querySelector("#root .mb .foot"))leave()});'
    'watch.observe(document.getElementById("root"),{childList:true,subtree:true});setTimeout(leave,15000)})'
)


class SmallIcons:
    """Answers the framework's font of all icons, 375 kB which every visitor would fetch, with those that
    its own scripts name, 9 kB.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._font = FileResponse(_OURS / "MaterialSymbols-subset.woff2")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_font = scope["type"] == "http" and scope["path"].startswith("/static/media/MaterialSymbols-")
        await (self._font if is_font else self._app)(scope, receive, send)


def routes() -> list[Route]:
    """One document a page, each with its own first screen."""
    return [Route(f"/{address}", _document(address, view)) for address, view in _VIEWS.items()]


@asynccontextmanager
async def warm(_: App) -> AsyncIterator[None]:
    """Ask for the figures and draw every first screen once, so that nobody is the first visitor."""
    for view in _VIEWS.values():
        await asyncio.to_thread(view.first_screen)
    yield


def _document(address: str, view: _View) -> Callable[[Request], Response]:
    def document(_: Request) -> Response:
        return HTMLResponse(with_screen(address, view.first_screen()), headers={"Cache-Control": "no-store"})

    return document


def with_screen(address: str, screen: str) -> str:
    """The document of a page with ``screen``, HTML without a root, over its empty body."""
    before, after = _plain().split(_ROOT)
    links = "".join(
        f'<a href="/{to}"{" aria-current=page" if to == address else ""}>{name}</a>'
        for to, name in panel.PAGES
    )
    logo = '<img src="/app/static/logo.svg" alt="Milkbot" width="73" height="21">'
    return (
        f'{before}{_ROOT}<div id="drawn"><header>{logo}<nav aria-label="Pages">{links}</nav></header>'
        f'<div class="st-key-page">{screen}</div></div>{after}'
    )


@cache
def _plain() -> str:
    """The framework's document with what every page of ours needs: scripts and hints in the head, the
    stylesheet at the end, after all that the framework puts into the head.

    Raises:
        ValueError: the framework's document has another form than expected; the page does not start.
    """
    text = (_FRAMEWORK / "index.html").read_text(encoding="utf-8")
    for mark in (_ROOT, "</head>", "</body>"):
        if text.count(mark) != 1:
            raise ValueError(f"the framework's index.html: expected one {mark}, found {text.count(mark)}")
    scripts = f"<script>{BASE_SCRIPT}</script><script>{LEAVE_SCRIPT}</script>"
    first = f"<style>{_style('document.css')}</style>{''.join(map(_preload, _LATER))}"
    text = text.replace("</head>", f"{scripts}{first}</head>")
    return text.replace("</body>", f"<style>{_style('page.css')}</style></body>")


def _preload(part: str) -> str:
    """A hint for one part of the framework; nothing where this version has no such part."""
    found = sorted((_FRAMEWORK / "static" / "js").glob(f"{part}.*.js"))
    return "".join(f'<link rel="modulepreload" crossorigin href="/static/js/{f.name}">' for f in found)


def _style(name: str) -> str:
    """A stylesheet of ours without its comments."""
    return re.sub(r"/\*.*?\*/", "", (_OURS / name).read_text(encoding="utf-8"), flags=re.DOTALL)
