#!/usr/bin/env python3
"""Make Milkbot's roles and one database, and write each service's URL into its own file.

``make`` runs as a superuser of Postgres (the account postgres, SUPERUSER_URL): the passwords of the
roles come in on stdin as JSON and go out on stdout, so that they are never on a command line and no file
of root has to be opened for that account. ``urls`` runs as root and fills the files in /etc/milkbot.
Both change nothing when all is there. ``public`` prepares a second server for the published marts, with
new passwords, and writes its two URLs as assignments: kept as /etc/milkbot/public.env, ``urls`` gives them to
the page and to the publisher. ``print`` writes every role's URL of a database as assignments for
a shell.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import psycopg

from trader.app.postgres import create_database, create_roles, make_public_server, read_env_file
from trader.app.postgres.databases import database_urls, list_databases
from trader.app.postgres.databases import superuser_url as superuser_of
from trader.app.postgres.roles import hide_activity_from_public
from trader.app.postgres.server import Server
from trader.domain.errors import ConfigurationError, MilkbotError

FILES = {  # file -> its variable and the field of the URLs: no service can read another's
    "trader.env": ("DATABASE_URL", "trader"),
    "analytics.env": ("ANALYTICS_DATABASE_URL", "analytics"),
    "dashboard.env": ("DASHBOARD_DATABASE_URL", "dashboard"),
    "backup.env": ("BACKUP_DATABASE_URL", "backup"),
    "advisor.env": ("ADVISOR_DATABASE_URL", "advisor"),
    "watch.env": ("WATCH_DATABASE_URL", "watch"),
    "owner.env": ("MIGRATE_DATABASE_URL", "owner"),
}


def make(superuser_url: str, database: str, known: str, *, must_be_new: bool) -> tuple[str, bool]:
    """Return the passwords as JSON and whether the database had to be made.

    Raises ConfigurationError when it exists although ``must_be_new``; nothing was changed then.
    """
    with tempfile.TemporaryDirectory() as folder:
        server = Server("127.0.0.1", 5432, superuser_url, None, Path(folder))
        if known.strip():
            server.roles_file.write_text(known)
            server.roles_file.chmod(0o600)
        is_new = database not in list_databases(server)
        if must_be_new and not is_new:
            raise ConfigurationError(
                f"database {database}: expected a new name, found it in use; not touched"
            )
        passwords = create_roles(superuser_url, server.roles_file)
        if is_new:
            create_database(server, database, is_test=False)
        else:  # what a newer release hides besides
            with psycopg.connect(superuser_of(server, database)) as connection:
                hide_activity_from_public(connection)
    return json.dumps(passwords), is_new


def write_urls(folder: Path, passwords: dict[str, str], database: str, port: int) -> list[str]:
    """Set each file's URL, keeping its other lines; return the files that changed."""
    urls = database_urls(Server("127.0.0.1", port, "", None, folder), database, passwords)
    public = read_env_file(folder / "public.env")
    wanted = [(name, variable, getattr(urls, field)) for name, (variable, field) in FILES.items()]
    if public:
        wanted.append(("analytics.env", "PUBLISH_DATABASE_URL", public["PUBLISH_DATABASE_URL"]))
    changed = []
    for name, variable, ours in wanted:
        path = folder / name
        old = path.read_text() if path.exists() else ""
        url = public.get(variable, ours)  # the page reads the public server where there is one
        line = f"{variable}='{url}'"
        new = re.sub(rf"^#?\s*{variable}=.*$", line.replace("\\", ""), old, count=1, flags=re.MULTILINE)
        if line not in new:
            new = f"{new.rstrip()}\n{line}\n".lstrip()
        if new != old:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(new)
            changed.append(name)
    return changed


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=("make", "urls", "print", "public"))
    parser.add_argument("--database", default="milkbot")
    parser.add_argument("--must-be-new", action="store_true")
    parser.add_argument("--port", type=int, default=5432)
    parser.add_argument("--dir", type=Path, default=Path("/etc/milkbot"))
    options = parser.parse_args(argv)
    known = "" if options.action == "public" else sys.stdin.read()
    try:
        if options.action == "make":
            superuser_url, is_asked_new = os.environ["SUPERUSER_URL"], options.must_be_new
            passwords, is_new = make(superuser_url, options.database, known, must_be_new=is_asked_new)
            sys.stdout.write(passwords)
            sys.stderr.write(f"database {options.database}: {'made' if is_new else 'was there'}\n")
        elif options.action == "public":
            with tempfile.TemporaryDirectory() as folder:
                server = Server("127.0.0.1", options.port, os.environ["SUPERUSER_URL"], None, Path(folder))
                made = make_public_server(server)
            sys.stdout.write(f"PUBLISH_DATABASE_URL='{made.publish}'\n")
            sys.stdout.write(f"DASHBOARD_DATABASE_URL='{made.dashboard}'\n")
        elif options.action == "urls":
            for name in write_urls(options.dir, json.loads(known), options.database, options.port):
                sys.stdout.write(f"written {name}\n")
        else:
            server = Server("127.0.0.1", options.port, "", None, options.dir)
            urls = database_urls(server, options.database, json.loads(known))
            for variable, field in FILES.values():
                sys.stdout.write(f"{variable}='{getattr(urls, field)}'\n")
    except (MilkbotError, OSError, ValueError) as error:
        sys.stderr.write(f"roles: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
