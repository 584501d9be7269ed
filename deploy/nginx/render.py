#!/usr/bin/env python3
"""Write nginx's configuration and the firewall's address sets from the files beside this one.

Run by the installer; the tests run it with ports and folders of their own, so they test what is installed.
Needs nothing but Python. The page's names come from dashboard/pages.py, the hashes of the inline scripts from
dashboard/document.py and the installed framework, so none can be forgotten when they change.
"""

import argparse
import ast
import base64
import hashlib
import ipaddress
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
DESCRIPTION = (
    "Milkbot trades the weather of ten US cities, by itself. "
    "Every trade is shown 60 minutes after it happened."
)


def read_ranges(path: Path) -> list[str]:
    """Return the networks of a file, one a line, ``#`` begins a comment.

    Raises ValueError naming the line that is no network; a list without IPv4 and IPv6 is refused too, because
    a half-downloaded file would shut the page.
    """
    networks = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(
                f"{path.name} line {number}: expected a network like 104.16.0.0/13, found {text!r}; "
                "nothing was written"
            ) from error
    versions = {network.version for network in networks}
    if versions != {4, 6}:
        raise ValueError(
            f"{path.name}: expected IPv4 and IPv6 networks, found versions {sorted(versions)}; "
            "nothing was written"
        )
    return [str(network) for network in networks]


def page_names() -> list[str]:
    """Return the page's addresses as dashboard/pages.py names them."""
    names = re.findall(r'url_path="([a-z]+)"', (TOP / "dashboard" / "pages.py").read_text())
    if not names:
        raise ValueError("dashboard/pages.py: expected pages with url_path, found none; nothing was written")
    return names


def script_hashes(index: Path) -> str:
    """Return the CSP sources of the inline scripts of the framework's document, and of ours."""
    scripts = re.findall(r"<script>(.*?)</script>", index.read_text(), re.DOTALL) + our_scripts()
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def our_scripts() -> list[str]:
    """Return the inline scripts that dashboard/document.py writes, its constants named ..._SCRIPT."""
    body = ast.parse((TOP / "dashboard" / "document.py").read_text()).body
    scripts = [
        ast.literal_eval(line.value)
        for line in body
        if isinstance(line, ast.AnnAssign) and line.value and ast.unparse(line.target).endswith("_SCRIPT")
    ]
    if not scripts:
        raise ValueError(
            "dashboard/document.py: expected constants named ..._SCRIPT, found none; nothing was written"
        )
    return scripts


def firewall(ranges: list[str]) -> str:
    """Return the firewall's file with the address sets filled in."""
    text = (HERE.parent / "firewall" / "milkbot.nft.in").read_text()
    for name, version in (("cloudflare4", 4), ("cloudflare6", 6)):
        members = [r for r in ranges if ipaddress.ip_network(r).version == version]
        text = text.replace(f"@{name}@", ", ".join(members))
    return text


def render(values: dict[str, str], conf_dir: Path) -> dict[Path, str]:
    """Return file -> text: ``milkbot.conf`` and the parts it includes."""
    pattern = re.compile(r"@(" + "|".join(values) + r")@")
    files = {}
    for source in sorted(HERE.glob("*.conf.in")):
        name = source.name.removesuffix(".in")
        where = conf_dir if name != "milkbot.conf" else conf_dir.parent / "conf.d"
        text = pattern.sub(lambda found: values[found[1]], source.read_text())
        files[where / name] = text
    return files


def values_of(options: argparse.Namespace, ranges: list[str]) -> dict[str, str]:
    """Return every word of the templates."""
    origin = options.domain if options.https == "443" else f"{options.domain}:{options.https}"
    social = TOP / "dashboard" / "static" / "social.png"
    image = f'<meta property="og:image" content="https://{origin}/app/static/social.png">'
    pulls = (
        "    # only Cloudflare holds the key to this certificate\n"
        f"    ssl_client_certificate {options.pulls_ca};\n    ssl_verify_client on;\n"
    )
    return {
        "domain": options.domain,
        "origin": origin,
        "plain": _listen(options, options.http),
        "plain_default": _listen(options, options.http, " default_server"),
        "tls": _listen(options, options.https, " ssl http2"),
        "tls_default": _listen(options, options.https, " ssl http2 default_server"),
        "page_a": options.pages[0],
        "page_b": options.pages[1],
        "certificate": options.certificate,
        "key": options.key,
        "origin_pulls": pulls if options.pulls_ca else "",
        "conf_dir": str(options.conf_dir),
        "log_dir": options.log_dir,
        "cache_dir": options.cache_dir,
        "empty_dir": options.empty_dir,
        "pages": "|".join(page_names()),
        "real_ip": "\n".join(f"set_real_ip_from {r};" for r in ranges),
        "allowed": "\n".join(f"    {r} 1;" for r in ranges),
        "script_hashes": script_hashes(options.index),
        "description": DESCRIPTION,
        "social": image if social.exists() else "",
        "expires": f"{datetime.now(UTC) + timedelta(days=365):%Y-01-01T00:00:00Z}",
    }


def _listen(options: argparse.Namespace, port: str, words: str = "") -> str:
    places = [f"{options.address}:{port}"] if options.address else [port, f"[::]:{port}"]
    return "\n    ".join(f"listen {place}{words};" for place in places)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--domain", required=True)
    parser.add_argument("--root", type=Path, default=Path("/"), help="write below this folder")
    parser.add_argument("--conf-dir", type=Path, default=Path("/etc/nginx/milkbot"))
    parser.add_argument("--certificate", default="/etc/milkbot/tls/origin.pem")
    parser.add_argument("--key", default="/etc/milkbot/tls/origin.key")
    parser.add_argument(
        "--pulls-ca", default="", help="certificate of authenticated origin pulls; empty: off"
    )
    parser.add_argument("--address", default="", help="listen here only; empty: everywhere, IPv6 too")
    parser.add_argument("--http", default="80")
    parser.add_argument("--https", default="443")
    parser.add_argument("--pages", nargs=2, default=["8501", "8502"])
    parser.add_argument("--log-dir", default="/var/log/milkbot")
    parser.add_argument("--cache-dir", default="/var/cache/nginx-milkbot")
    parser.add_argument("--empty-dir", default="/var/lib/milkbot/empty")
    parser.add_argument("--ranges", type=Path, default=HERE.parent / "cloudflare-ranges.txt")
    parser.add_argument("--index", type=Path, required=True, help="the framework's static/index.html")
    parser.add_argument("--firewall", type=Path, help="also write the firewall's file here")
    options = parser.parse_args(argv)
    try:
        ranges = read_ranges(options.ranges)
        files = render(values_of(options, ranges), options.conf_dir)
        if options.firewall:
            files[options.firewall] = firewall(ranges)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"render: {error}\n")
        return 1
    for path, text in files.items():
        target = options.root / path.relative_to("/")
        if target.exists() and target.read_text() == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        sys.stdout.write(f"written {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
