"""The documents: the first screen, scripts that the proxy's policy allows, hints that lead to files."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
import streamlit

from dashboard import document
from dashboard.components import panel
from deploy.nginx import render

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


def test_the_screen_stands_behind_the_root_and_before_the_stylesheet() -> None:
    text = document.with_screen("trades", "<p>SCREEN</p>")

    root, screen, style = (text.index(mark) for mark in ('<div id="root">', "SCREEN", ".mb h1.lede"))
    assert root < screen < style < text.index("</body>")
    assert '<a href="/trades" aria-current=page>' in text
    assert [route.path for route in document.routes()] == [f"/{address}" for address, _ in panel.PAGES]


def test_every_inline_script_of_a_document_is_allowed_by_the_proxys_policy() -> None:
    scripts = re.findall(r"<script>(.*?)</script>", document.with_screen("", ""), re.DOTALL)
    allowed = render.script_hashes(INDEX)

    assert len(scripts) == 3
    for script in scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in allowed


def test_parts_that_are_asked_for_early_exist_in_this_version_of_the_framework() -> None:
    hints = re.findall(r'modulepreload" crossorigin href="/static/js/([^"]+)"', document.with_screen("", ""))

    assert len(hints) >= 5
    assert all((INDEX.parent / "static" / "js" / name).is_file() for name in hints)


def test_a_framework_with_another_document_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.html").write_text("<html><head></head><body></body></html>", encoding="utf-8")
    monkeypatch.setattr(document, "_FRAMEWORK", tmp_path)
    document._plain.cache_clear()
    try:
        with pytest.raises(ValueError, match='expected one <div id="root"></div>, found 0'):
            document.with_screen("", "")
    finally:
        document._plain.cache_clear()
