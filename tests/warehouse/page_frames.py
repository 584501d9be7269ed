"""What a visitor gets of every page, to the byte: the document and each frame of its socket.

Part of what ``two_worlds`` compares. What differs between two looks at one world is cleared before and stands
in NONCES with its reason; everything else has to be equal.
"""

import asyncio
import http.client
import tempfile
from contextlib import closing
from typing import Final

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.components.panel import PAGES
from tests.integration.deploy.proxy import free_ports
from tests.integration.deploy.test_units import answers, started

NONCES: Final = {  # field of a frame -> why it differs between two looks at one world
    "hash": "of the whole frame, with the names below in it",
    "metadata.run.script_run_id": "the run's own name",
    "new_session.initialize.session_id": "the session's own name",
    "delta.new_element.download_button.deferred_file_id": "the session's own name of the file",
    "auto_rerun.interval": "viewers are spread over the seconds by who came in the last ten",
}
# A frame that a later one of the same place replaces before the socket took it is not sent: chance. So of
# each place the last frame is compared, which is what a browser shows.


def of(url: str) -> dict[str, str]:
    """``document PAGE`` and ``frames PAGE`` of each page, as the unit serves it to ``url``."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as home:
        env = {"DASHBOARD_DATABASE_URL": url, "HOME": home, "STREAMLIT_SERVER_COOKIE_SECRET": "worlds"}
        with started("dashboard", port, env):
            answers(port, "/_stcore/health")
            documents = {f"document /{page}": _document(port, page) for page, _ in PAGES}
            return documents | asyncio.run(_all_frames(port))


def _document(port: int, page: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", f"/{page}")
        with connection.getresponse() as answer:
            head = sorted(f"{k}: {v}" for k, v in answer.getheaders() if k.lower() != "date")
            return f"{answer.status} {head} {answer.read().decode()}"


async def _all_frames(port: int) -> dict[str, str]:
    return {f"frames /{page}": await _frames(port, page) for page, _ in PAGES}


async def _frames(port: int, page: str) -> str:
    """The frames of a first visit as text, the last of each place, without what NONCES names."""
    asked = BackMsg()
    asked.rerun_script.page_name = page
    frames: dict[str, str] = {}
    async with (
        asyncio.timeout(30),
        websockets.connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None,
        ) as socket,
    ):
        await socket.send(asked.SerializeToString())
        while True:
            raw = await socket.recv()
            frame = ForwardMsg.FromString(raw if isinstance(raw, bytes) else raw.encode())
            for field in NONCES:
                _clear(frame, field)
            kind = str(frame.WhichOneof("type"))
            frames[f"{kind} {list(frame.metadata.delta_path)}"] = str(frame)
            if kind == "script_finished":
                return "\n".join(f"{place}\n{frames[place]}" for place in sorted(frames))


def _clear(message: object, path: str) -> None:
    """Clear a field where the frame has it; a frame of another kind is left as it is."""
    *parents, last = path.split(".")
    for parent in parents:
        if not message.HasField(parent):  # type: ignore[attr-defined]  # a generated class
            return
        message = getattr(message, parent)
    message.ClearField(last)  # type: ignore[attr-defined]
