"""Databases on a server we hold the superuser of: made, marked as test databases, checked, dropped."""

import json
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from trader.app.postgres.roles import (
    ADVISOR,
    BACKUP,
    DASHBOARD,
    DBT,
    OWNER,
    ROLES,
    TRADER,
    WATCH,
    create_roles,
    hide_activity_from_public,
)
from trader.app.postgres.server import Server
from trader.domain.errors import ConfigurationError

TEST_MARK: Final = "milkbot:test"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Urls:
    """One database through the eyes of each role. They carry passwords, so they are not in the repr."""

    owner: str = field(repr=False)
    trader: str = field(repr=False)
    analytics: str = field(repr=False)
    dashboard: str = field(repr=False)
    backup: str = field(repr=False)
    advisor: str = field(default="", repr=False)
    watch: str = field(default="", repr=False)


def database_urls(server: Server, name: str, passwords: dict[str, str]) -> Urls:
    """Return the URLs of a database of ``server`` for each role."""

    def url(role: str) -> str:
        return f"postgresql://{role}:{quote(passwords[role], safe='')}@{server.host}:{server.port}/{name}"

    return Urls(
        owner=url(OWNER),
        trader=url(TRADER),
        analytics=url(DBT),
        dashboard=url(DASHBOARD),
        backup=url(BACKUP),
        advisor=url(ADVISOR),
        watch=url(WATCH),
    )


def superuser_url(server: Server, name: str) -> str:
    """Return the superuser's URL of the database ``name``."""
    return urlunsplit(urlsplit(server.superuser_url)._replace(path=f"/{name}"))


def create_database(server: Server, name: str, *, is_test: bool, template: str | None = None) -> Urls:
    """Make an empty database (or a copy of ``template``) owned by milkbot_owner and return its URLs.

    Nobody but our roles may connect, and only dbt may make temporary tables (it stages increments in them).
    Raises ConfigurationError when the name is not plain or already exists.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"Database name: expected {_NAME.pattern}, found {name!r}; nothing was made")
    passwords = role_passwords(server)
    database = sql.Identifier(name)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        try:
            connection.execute(
                sql.SQL("create database {} with owner {} template {}").format(
                    database, sql.Identifier(OWNER), sql.Identifier(template or "template0")
                )
            )
        except psycopg.errors.DuplicateDatabase as error:
            raise ConfigurationError(
                f"Database {name}: expected a new name, found an existing one; it was not touched"
            ) from error
        # Neither rights on a database nor its comment are copied with a template.
        connection.execute(sql.SQL("revoke all on database {} from public").format(database))
        for right, roles in (
            ("connect", (TRADER, DBT, DASHBOARD, BACKUP, ADVISOR, WATCH)),
            ("temporary", (DBT,)),
        ):
            connection.execute(
                sql.SQL("grant {} on database {} to {}").format(
                    sql.SQL(right), database, sql.SQL(", ").join(map(sql.Identifier, roles))
                )
            )
        if is_test:
            connection.execute(
                sql.SQL("comment on database {} is {}").format(database, sql.Literal(TEST_MARK))
            )
    if template is None:
        with psycopg.connect(superuser_url(server, name)) as connection:
            hide_activity_from_public(connection)
    return database_urls(server, name, passwords)


def drop_database(server: Server, name: str) -> None:
    """Drop a database and end its sessions; nothing happens when it does not exist."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def list_databases(server: Server) -> list[str]:
    """Return the names of all databases people made, in order."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        rows = connection.execute(
            "select datname from pg_database where not datistemplate and datname <> 'postgres' order by "
            "datname"
        )
        return [row[0] for row in rows]


def role_passwords(server: Server) -> dict[str, str]:
    """Return role -> password from the server's file, making the roles when the file is not there yet."""
    if server.roles_file.exists():
        passwords: dict[str, str] = json.loads(server.roles_file.read_text())
        if set(ROLES) <= set(passwords):
            return passwords
    return create_roles(server.superuser_url, server.roles_file)


def require_test_database(url: str) -> None:
    """Raise ConfigurationError unless the database of ``url`` is marked as a test database."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        row = connection.execute(
            "select datname, shobj_description(oid, 'pg_database') from pg_database where datname = "
            "current_database()"
        ).fetchone()
    name, mark = row or ("?", None)
    if mark != TEST_MARK:
        raise ConfigurationError(
            f"Database {name}: expected the comment {TEST_MARK!r} that marks a test database, found "
            f"{mark!r}; "
            "no test ran on it, because tests delete data"
        )
