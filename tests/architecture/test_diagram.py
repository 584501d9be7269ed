"""The picture of the architecture says what is installed: services, roles, ports, what is public."""

import io
import os
import re
import shutil
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest

from tests.architecture.source import ROOT
from trader.app.config import load_settings
from trader.app.postgres.roles import OWNER, ROLES

SVG, PNG = ROOT / "docs" / "images" / "architecture.svg", ROOT / "docs" / "images" / "architecture.png"
PUBLIC = {"Visitors, through Cloudflare", "nginx :443", "page :8501, :8502", "analytics: public marts"}
PRIVATE = {"trader", "advisor", "watch", "backup", "ops", "dbt: analytics.timer, every 5 minutes"}
NAMES = {"dashboard": "page", "analytics": "analytics.timer", "api": "API"}
"""What the picture calls a unit that a reader knows under another name."""
pytestmark = pytest.mark.story("10.2")


@dataclass(frozen=True)
class Box:
    """A rectangle of the picture; ``kind`` is its class: box, pub, pri or zone."""

    kind: str
    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


def _elements(name: str) -> list[ET.Element]:
    return list(ET.parse(SVG).getroot().iter(f"{{http://www.w3.org/2000/svg}}{name}"))  # noqa: S314 - our own file


def _boxes() -> list[Box]:
    found = [e.attrib for e in _elements("rect") if "class" in e.attrib]
    return [Box(a["class"], *(float(a[n]) for n in ("x", "y", "width", "height"))) for a in found]


def _texts() -> dict[str, tuple[float, float]]:
    return {e.text or "": (float(e.attrib["x"]), float(e.attrib["y"])) for e in _elements("text")}


def _kinds(words: str) -> set[str]:
    """Kinds of the boxes around a text."""
    at = _texts()[words]
    return {box.kind for box in _boxes() if box.holds(*at)}


def test_every_installed_service_role_and_port_is_in_the_picture() -> None:
    said = " ".join(_texts())
    units = {NAMES.get(path.stem, path.stem) for path in (ROOT / "deploy" / "systemd").glob("*.service")}
    settings = load_settings({})
    ports = {settings.health_port, settings.page_port, settings.page_port + 1, settings.api_port}

    assert {name for name in units if name not in said} == set()
    assert {role for role in ROLES if role != OWNER and role not in said} == set()
    assert {port for port in ports if f":{port}" not in said} == set()
    assert {name for name in ("Cloudflare", "nginx", "Streamlit", "POSTGRES") if name not in said} == set()


def test_public_and_private_are_marked_and_explained() -> None:
    assert {name for name in PUBLIC if "pub" not in _kinds(name)} == set()
    assert {name for name in PRIVATE if "pri" not in _kinds(name)} == set()
    assert {name for name in PUBLIC if "pri" in _kinds(name)} | {
        n for n in PRIVATE if "pub" in _kinds(n)
    } == set()
    assert {"private"} <= set(_texts())
    assert any(words.startswith("public") for words in _texts())


def test_network_boundaries_enclose_what_they_must() -> None:
    zones = [box for box in _boxes() if box.kind == "zone"]
    server = max(zones, key=lambda box: box.width * box.height)
    inside = {words for words, at in _texts().items() if server.holds(*at)}

    assert len(zones) == 2
    assert {"nginx :443", *PRIVATE} <= inside
    assert {"Kalshi", "Weather sources", "Visitors, through Cloudflare", "S3 or B2"} & inside == set()


def test_every_flow_begins_and_ends_at_a_box() -> None:
    flows = [e.attrib["d"] for e in _elements("path") if e.attrib.get("class") == "f"]
    boxes = [box for box in _boxes() if box.kind != "zone"]
    loose = []
    for flow in flows:
        for x, y in _ends(flow):
            near = (Box(b.kind, b.x - 12, b.y - 12, b.width + 24, b.height + 24) for b in boxes)
            if not any(box.holds(x, y) for box in near):
                loose.append((flow, x, y))

    assert len(flows) >= 12
    assert loose == []


def _ends(path: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last point of a path of absolute M, L, H and V."""
    x = y = 0.0
    points = []
    for letter, rest in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(word) for word in re.findall(r"-?[\d.]+", rest)]
        assert letter in "MLHV", f"expected absolute M, L, H, V, found {letter} in {path}"
        if letter == "H":
            x = numbers[-1]
        elif letter == "V":
            y = numbers[-1]
        else:
            x, y = numbers[-2:]
            points.append((numbers[0], numbers[1]))
        points.append((x, y))
    return points[0], points[-1]


def test_readme_shows_the_picture() -> None:
    assert "](docs/images/architecture.png)" in (ROOT / "README.md").read_text()


@pytest.mark.needs_chromium
@pytest.mark.xdist_group("browser")
def test_picture_is_drawn_from_its_source() -> None:
    from PIL import Image, ImageChops, ImageStat
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium", path=os.environ["PATH"]), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(SVG.as_uri())
        drawn = page.screenshot()
        browser.close()
    with Image.open(io.BytesIO(drawn)) as new, Image.open(PNG) as old:
        assert old.size == (1440, 900)
        difference = ImageStat.Stat(ImageChops.difference(new.convert("RGB"), old.convert("RGB")))

    assert max(difference.mean) < 1.0  # of 255: another version of the browser smooths edges otherwise
