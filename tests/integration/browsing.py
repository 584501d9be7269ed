"""A real Chromium before the page: what it complained about, where it asked, and whether everything fits."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

SHOTS = Path(__file__).resolve().parents[2] / ".milkbot" / "screenshots"
ARGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]

# What stands outside the window, and which texts of our own lie on each other, measured line by line.
MEASURE = """root => {
  const width = document.documentElement.clientWidth, boxes = [], outside = [];
  const seen = e => !e.closest('.sr,[aria-hidden="true"],details:not([open]) .why,.js-plotly-plot');
  const top = document.querySelector(root + ' .st-key-page');
  const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    if (!node.textContent.trim() || !seen(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      if (r.left < -0.5 || r.right > width + 0.5) outside.push(node.textContent.trim());
      const text = node.textContent.trim(), inset = r.height * .2;
      boxes.push({text, l: r.left, r: r.right, t: r.top + inset, b: r.bottom - inset, node});
    }
  }
  const overlaps = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const a = boxes[i], b = boxes[j];
    const x = Math.min(a.r, b.r) - Math.max(a.l, b.l), y = Math.min(a.b, b.b) - Math.max(a.t, b.t);
    if (a.node !== b.node && x > 0.5 && y > 0.5) overlaps.push(a.text + ' | ' + b.text);
  }
  const wide = [...top.querySelectorAll('*')].filter(e => {
    const r = e.getBoundingClientRect();
    return r.width > 1 && (r.right > width + 1 || r.left < -1) && !e.closest('.js-plotly-plot');
  }).map(e => e.className);
  const main = document.querySelector(root + ' [data-testid="stMain"]') ?? document.querySelector(root);
  return {outside, overlaps, wide, texts: boxes.length, height: main.scrollHeight,
    sideways: Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - width)};
}"""


@dataclass
class Visitor:
    """One window of a browser; ``origin`` is the only address it may ask."""

    page: Any
    origin: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        allowed = (self.origin, self.origin.replace("http", "ws", 1), "data:", "blob:")
        self.page.on("console", lambda m: self._complain(m.text) if m.type in {"error", "warning"} else None)
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.on("request", lambda r: None if r.url.startswith(allowed) else self.elsewhere.append(r.url))

    def _complain(self, text: str) -> None:
        self.complaints.append(text)

    def go(self, path: str) -> None:
        """Open an address and wait until the page has drawn its foot."""
        self.page.goto(f"{self.origin}/{path}")
        self.page.wait_for_selector("#root .mb .foot", timeout=30_000)
        self.page.wait_for_selector("#drawn", state="detached", timeout=5_000)

    def wait_for_count(self, selector: str, count: int) -> None:
        expect(self.page.locator(selector)).to_have_count(count, timeout=20_000)

    def choose(self, label: str, option: str) -> None:
        """Pick one of a list."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        box.press_sequentially(option)
        expect(self.page.get_by_role("option", name=option, exact=True)).to_be_visible()
        box.press("Enter")

    def hover(self, selector: str) -> str:
        """Point at the middle of a chart; return what it says then."""
        box = self.page.locator(selector).first.bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        expect(self.page.locator(".hoverlayer .hovertext, .hoverlayer .legend").first).to_be_attached()
        said: str = self.page.locator(".hoverlayer").first.text_content()
        return said

    def misfits(self, *, selector: str = "#root", settle_ms: int = 300) -> dict[str, Any]:
        """What does not fit; empty lists and zero when all does."""
        self.page.wait_for_timeout(settle_ms)  # fonts and charts find their size
        found: dict[str, Any] = self.page.evaluate(MEASURE, selector)
        return found

    def keep(self, name: str) -> None:
        """Store a picture of the whole page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        size = self.page.viewport_size
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": height + 80})
        self.page.screenshot(path=SHOTS / f"{name}-{size['width']}.png")
        self.page.set_viewport_size(size)


@contextmanager
def chromium(*args: str) -> Iterator[Any]:
    """The browser of the machine."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*ARGS, *args])
        try:
            yield opened
        finally:
            opened.close()
