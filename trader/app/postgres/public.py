"""The public server: a small Postgres of its own, on which nothing of the trader runs.

It holds one database with the published marts and two roles, the publisher that writes them and
milkbot_dashboard that reads them. Source: fault model, section 5 (the target for L1 to L12).
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql

from trader.app.postgres.databases import superuser_url
from trader.app.postgres.roles import (
    DASHBOARD,
    PUBLIC_ROLES,
    PUBLISHER,
    create_roles,
    hide_activity_from_public,
)
from trader.app.postgres.server import Server

PUBLIC_DATABASE: Final = "milkbot_public"


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """The public database through the eyes of its two roles; they carry passwords."""

    publish: str = field(repr=False)
    dashboard: str = field(repr=False)


def make_public_server(server: Server, name: str = PUBLIC_DATABASE) -> PublicUrls:
    """Make roles, database, schemas and rights on ``server`` where they are not there yet; idempotent.

    ``server.superuser_url`` is of a superuser; the passwords are kept in ``server.roles_file``. Schema
    ``analytics`` holds what the public role reads, ``published`` and ``incoming`` what stands behind it.
    """
    passwords = create_roles(server.superuser_url, server.roles_file, PUBLIC_ROLES)
    database, owner = sql.Identifier(name), sql.Identifier(PUBLISHER)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        is_there = connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone()
        if not is_there:
            connection.execute(
                sql.SQL("create database {} with owner {} template template0").format(database, owner)
            )
        connection.execute(sql.SQL("revoke all on database {} from public").format(database))
        connection.execute(
            sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(DASHBOARD))
        )
    with psycopg.connect(superuser_url(server, name)) as connection:
        hide_activity_from_public(connection, internal=(PUBLISHER,))
        connection.execute("revoke all on schema public from public")
        for schema in ("published", "incoming", "analytics"):
            connection.execute(
                sql.SQL("create schema if not exists {} authorization {}").format(
                    sql.Identifier(schema), owner
                )
            )
        connection.execute(sql.SQL("grant usage on schema analytics to {}").format(sql.Identifier(DASHBOARD)))
    return public_urls(server, passwords, name)


def public_urls(server: Server, passwords: dict[str, str], name: str = PUBLIC_DATABASE) -> PublicUrls:
    return PublicUrls(
        *(
            f"postgresql://{role}:{quote(passwords[role], safe='')}@{server.host}:{server.port}/{name}"
            for role in PUBLIC_ROLES
        )
    )
