"""The API's own description as one page of plain HTML: no script, nothing from another host."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

_EXAMPLES: Final = Path(__file__).with_name("examples.json")
_STYLE: Final = """
html{background:#0A0C0E;color:#B7BAB5;font:16px/24px system-ui,sans-serif}
body{max-width:84ch;margin:0 auto;padding:24px 16px 64px}
h1,h2,h3,code,b{color:#ECE7DB}h1{font-size:26px}h2{font-size:18px;margin:40px 0 4px;
border-top:1px solid #272D33;padding-top:16px}h2 code{color:#FFA028}h3{font-size:16px;margin:16px 0 4px}
a{color:#FFA028}
code,pre{font:14px/20px ui-monospace,monospace}pre{background:#101316;border:1px solid #272D33;padding:12px;
white-space:pre-wrap;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:4px 12px 4px 0;font-weight:400;
border-bottom:1px solid #272D33}
th{color:#8E979D;white-space:nowrap}"""


@cache
def _examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return found


def example(model: type[BaseModel]) -> Any:
    """A row of the recorded week; ``make docs`` writes them from the rows the tests use."""
    return _examples().get(model.__name__)


def page(schema: Mapping[str, Any]) -> str:
    """The whole description, made of the schema that ``/openapi.json`` gives."""
    info = schema["info"]
    intro = "".join(f"<p>{_marked(part)}</p>" for part in info["description"].split("\n\n"))
    routes = "".join(
        _route(schema, path, operation)
        for path, item in schema["paths"].items()
        for operation in item.values()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} API, version {escape(info['version'])}</h1>{intro}"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p>{routes}</html>'
    )


def _route(schema: Mapping[str, Any], path: str, operation: Mapping[str, Any]) -> str:
    answers = operation["responses"]
    sample = answers["200"]["content"]["application/json"]["example"]
    server = schema["servers"][0]["url"]
    shown = path.replace("{component}", "trader")
    codes = "".join(
        f"<tr><th>{code}</th><td>{escape(answer['description'])}</td></tr>"
        for code, answer in answers.items()
    )
    return (
        f"<h2><code>GET {escape(path)}</code></h2><p>{_marked(operation['description'])} "
        f"({escape(', '.join(operation['tags']))})</p>{_parameters(schema, operation.get('parameters', ()))}"
        f"<h3>Answers</h3><table>{codes}</table><h3>Example</h3>"
        f"<pre>curl {escape(server + shown)}</pre><pre>{escape(json.dumps(sample, indent=1))}</pre>"
    )


def _parameters(schema: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><th><code>{escape(p['name'])}</code></th><td>{escape(_allowed(schema, p['schema']))}</td>"
        f"<td>{_marked(p.get('description', ''))}</td></tr>"
        for p in parameters
    )
    return f"<h3>Parameters</h3><table>{rows}</table>"


def _allowed(schema: Mapping[str, Any], parameter: Mapping[str, Any]) -> str:
    """What a parameter may be, in words, with its default."""
    said = []
    for choice in parameter.get("anyOf", [parameter]):
        if "$ref" in choice:
            said.append(_allowed(schema, schema["components"]["schemas"][choice["$ref"].rsplit("/", 1)[-1]]))
        elif "enum" in choice:
            said.append(", ".join(map(str, choice["enum"])))
        elif "minimum" in choice:
            said.append(f"{choice['minimum']} to {choice['maximum']}")
        elif choice.get("type") != "null":
            said.append(choice.get("pattern") or choice.get("format") or choice["type"])
    if "default" in parameter:
        said.append(f"default {parameter['default']}")
    return "; ".join(said)


def _marked(text: str) -> str:
    """Escaped text in which `**bold**` and backquotes mean what they usually do."""
    parts = escape(" ".join(text.split())).split("`")
    text = "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    parts = text.split("**")
    return "".join(f"<b>{part}</b>" if i % 2 else part for i, part in enumerate(parts))
