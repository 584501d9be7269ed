"""Every byte the page sends to a browser, as it came over the wire."""

import asyncio
import contextlib
import ssl

import httpx
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.chaos.machine import Machine
from tests.integration.deploy.proxy import DOMAIN

VISIT_S = 6.0


async def frames(on: Machine, paths: tuple[str, ...]) -> list[bytes]:
    """Document, headers and all frames of the socket of each page, through the proxy."""
    tls = ssl.create_default_context(cafile=str(on.folder / "nginx" / "cert.pem"))
    tls.check_hostname = False
    found: list[bytes] = []
    for path in paths:
        async with httpx.AsyncClient(verify=tls, timeout=20) as http:
            answer = await http.get(
                f"https://127.0.0.1:{on.ports['https']}/{path}",
                headers={"Host": DOMAIN},
                extensions={"sni_hostname": DOMAIN},
            )
        if answer.status_code != 200:
            raise ConnectionError(f"page /{path}: expected 200, found {answer.status_code}")
        found += [answer.content, repr(answer.headers).encode(), *await _socket(on, tls, path)]
    return found


async def _socket(on: Machine, tls: ssl.SSLContext, path: str) -> list[bytes]:
    asked = BackMsg()
    asked.rerun_script.page_name = path
    port, got = on.ports["https"], list[bytes]()
    async with websockets.connect(
        f"wss://{DOMAIN}:{port}/_stcore/stream",
        subprotocols=[websockets.Subprotocol("streamlit")],
        ssl=tls,
        server_hostname=DOMAIN,
        host="127.0.0.1",
        port=port,
        max_size=None,
    ) as socket:
        await socket.send(asked.SerializeToString())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(VISIT_S):
                while True:
                    raw = await socket.recv()
                    got.append(raw if isinstance(raw, bytes) else raw.encode())
    if len(got) < 3:
        raise ConnectionError(f"page /{path}: expected its frames, found {len(got)}")
    return got
