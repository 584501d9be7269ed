"""Visitors that speak the page's own protocol: the document, then a socket on which a browser says what it
shows and gets what changed. They draw nothing, so one process can be a thousand of them.
"""

import asyncio
import ssl
import time
from collections import Counter
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

KEPT_RUNS = 2  # a browser forgets a message that the last runs did not name
FIRST_NUMBER = "Is it running?"  # stands beside the first number of the first page


@dataclass(frozen=True)
class Target:
    """Where the page is: ``host:port``, over TLS unless ``tls`` is None, asked for under ``name``."""

    host: str
    port: int
    name: str
    tls: ssl.SSLContext | None = None

    @property
    def scheme(self) -> str:
        return "wss" if self.tls else "ws"


@dataclass
class Crowd:
    """What all visitors of a run met; times are seconds."""

    first_numbers: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    traces: list[str] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)  # how many visitors were shown a watched word
    heads: list[str] = field(default_factory=list)  # what each visitor's top line said last
    received: int = 0


@dataclass
class _Page:
    """What a browser keeps between two messages."""

    script: str = ""
    run: int = 0
    seen: dict[str, int] = field(default_factory=dict)  # message -> run that named it last
    intervals: dict[str, float] = field(default_factory=dict)  # fragment -> seconds

    def known(self) -> list[str]:
        self.seen = {h: run for h, run in self.seen.items() if self.run - run <= KEPT_RUNS}
        return list(self.seen)


async def visit(
    number: int, target: Target, start: float, end: float, crowd: Crowd, *, watch: tuple[str, ...] = ()
) -> None:
    """One visitor from ``start`` to ``end`` (of the event loop's clock); troubles are counted, not raised.

    ``watch`` are words; of each the visitors who were shown it are counted.
    """
    loop = asyncio.get_running_loop()
    await asyncio.sleep(start - loop.time())
    address = {"CF-Connecting-IP": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
    began = loop.time()
    try:
        async with asyncio.timeout_at(end + 10):
            crowd.received += await _document(target, address)
            url = f"{target.scheme}://{target.name}:{target.port}/_stcore/stream"
            async with websockets.connect(
                url,
                subprotocols=[websockets.Subprotocol("streamlit")],
                ssl=target.tls,
                server_hostname=target.name if target.tls else None,
                additional_headers=address,
                host=target.host,
                port=target.port,
                max_size=None,
                compression=None,  # a browser offers it, the page declines
                ping_interval=None,
                open_timeout=60,
            ) as socket:
                await _look(socket, began, end, crowd, watch)
    except (OSError, TimeoutError, websockets.WebSocketException, ConnectionError) as error:
        crowd.errors[f"{type(error).__name__}: {error}"[:90]] += 1


async def _document(target: Target, address: dict[str, str]) -> int:
    """Fetch the document and what the framework asks before it opens the socket; return the bytes."""
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=target.tls, server_hostname=target.name if target.tls else None
    )
    total = 0
    try:
        for path, last in (("/", False), ("/_stcore/health", False), ("/_stcore/host-config", True)):
            head = {
                "Host": f"{target.name}:{target.port}",
                **address,
                "Connection": "close" if last else "keep-alive",
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in answer.split(b"\r\n", 1)[0]:
                raise ConnectionError(f"{path} answered {answer[:60]!r}")
            body = await _body(reader, answer.lower())
            total += len(answer) + body
    finally:
        writer.close()
    return total


async def _body(reader: asyncio.StreamReader, head: bytes) -> int:
    if b"transfer-encoding: chunked" in head:
        total = 0
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            await reader.readexactly(size + 2)
            total += size
        await reader.readline()
        return total
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
    await reader.readexactly(length)
    return length


async def _look(
    socket: websockets.ClientConnection, began: float, end: float, crowd: Crowd, watch: tuple[str, ...]
) -> None:
    """Load the page, then refresh each fragment at its interval until ``end``."""
    loop, page = asyncio.get_running_loop(), _Page()
    await socket.send(_rerun(page))
    sent, due, running, has_number = began, dict[str, float](), "", False
    shown, head = set[str](), ""
    while (now := loop.time()) < end:
        ready = min(due, key=lambda f: due[f], default="")
        if not running and ready and due[ready] <= now and page.run:
            running, sent = ready, now
            del due[ready]
            await socket.send(_rerun(page, ready))
        wait_until = min(end, due[ready]) if ready and not running and page.run else end
        try:
            raw = await asyncio.wait_for(socket.recv(), max(wait_until - now, 0.001))
        except TimeoutError:
            continue
        crowd.received += len(raw)
        message = ForwardMsg.FromString(raw if isinstance(raw, bytes) else raw.encode())
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            page.seen[message.hash or message.ref_hash] = page.run
        if kind == "new_session":
            page.script = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            page.intervals[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "delta":
            body = _shown(message, crowd)
            shown |= {word for word in watch if word in body}
            head = body.partition("</span></div>")[0] if '<div class="top' in body else head
            if not has_number and FIRST_NUMBER in body:
                has_number = True
                crowd.first_numbers.append(loop.time() - began)
        elif kind == "script_finished":
            page.run += 1
            took = loop.time() - sent
            if page.run == 1:
                crowd.loads.append(took)
                due = {fragment: loop.time() + seconds for fragment, seconds in page.intervals.items()}
            elif running:
                crowd.refreshes.append(took)
                due[running] = sent + page.intervals[running]
                running = ""
    crowd.words.update(shown)
    crowd.heads.append(head)


def _shown(message: ForwardMsg, crowd: Crowd) -> str:
    """The text of an element; a trace that reached a visitor is kept."""
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    if kind == "exception":
        crowd.traces.append(str(element.exception)[:300])
    body: str = element.html.body if kind == "html" else ""
    if "Traceback" in body:
        crowd.traces.append(body[:300])
    return body


def _rerun(page: _Page, fragment: str = "") -> bytes:
    message = BackMsg()
    asked = message.rerun_script
    asked.page_script_hash = page.script
    asked.cached_message_hashes.extend(page.known())
    if fragment:
        asked.fragment_id, asked.is_auto_rerun = fragment, True
    body: bytes = message.SerializeToString()
    return body


async def come(
    target: Target, count: int, *, spread_s: float, stay_s: float, watch: tuple[str, ...] = ()
) -> Crowd:
    """Let ``count`` visitors come over ``spread_s`` seconds (0: all at once) and stay until ``stay_s`` after
    the last came.
    """
    crowd, start = Crowd(), asyncio.get_running_loop().time() + 0.5
    end = start + spread_s + stay_s
    await asyncio.gather(
        *(visit(i, target, start + spread_s * i / count, end, crowd, watch=watch) for i in range(count))
    )
    return crowd


def percentile(values: list[float], share: int) -> float:
    """The nearest-rank percentile in milliseconds; NaN of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * share // 100) - 1, 0)] * 1000


def cpu_seconds() -> float:
    """Processor time of this process, the visitors' own share of the load."""
    return time.process_time()
