"""Postgres for every command: the embedded server, its roles and databases, and which URLs a command uses."""

from trader.app.postgres.databases import (
    Urls,
    create_database,
    drop_database,
    require_test_database,
)
from trader.app.postgres.public import PublicUrls, make_public_server
from trader.app.postgres.roles import create_roles, missing_roles
from trader.app.postgres.server import Server, ensure_server, server_status, stop_server
from trader.app.postgres.urls import read_env_file, resolve_urls, write_env_file

__all__ = [
    "PublicUrls",
    "Server",
    "Urls",
    "create_database",
    "create_roles",
    "drop_database",
    "ensure_server",
    "make_public_server",
    "missing_roles",
    "read_env_file",
    "require_test_database",
    "resolve_urls",
    "server_status",
    "stop_server",
    "write_env_file",
]
