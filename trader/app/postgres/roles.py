"""The database roles: who they are, what they may never do, what the catalog must not tell the public one.

Roles belong to the whole server, so they are made here and never by a migration. Rights on tables are
granted by the migration that makes the table. Source: design, section 3; fault model, section 5 (L3 to
L8, L12).
"""

import json
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from trader.app.postgres.data_dir import write_private
from trader.domain.errors import ConfigurationError

OWNER: Final = "milkbot_owner"
TRADER: Final = "milkbot_trader"
DBT: Final = "milkbot_dbt"
DASHBOARD: Final = "milkbot_dashboard"
BACKUP: Final = "milkbot_backup"
ADVISOR: Final = "milkbot_advisor"
WATCH: Final = "milkbot_watch"
PUBLISHER: Final = "milkbot_publisher"  # on the public server only (public.py)
ROLES: Final = (OWNER, TRADER, DBT, DASHBOARD, BACKUP, ADVISOR, WATCH)
PUBLIC_ROLES: Final = (PUBLISHER, DASHBOARD)
# all but the one behind the public page and the one that reads what a language model wrote
INTERNAL_ROLES: Final = (OWNER, TRADER, DBT, BACKUP, WATCH)

# Of the server's 60 connections; the rest is for people and for the superuser.
_CONNECTION_LIMITS: Final = {
    OWNER: 6,
    TRADER: 12,
    DBT: 10,
    DASHBOARD: 20,
    BACKUP: 4,
    ADVISOR: 3,
    WATCH: 4,
    PUBLISHER: 2,
}
# Statements are many and short: compiling one takes longer than running it.
_EVERY_ROLE: Final = {"timezone": "UTC", "jit": "off"}
_SETTINGS: Final[dict[str, dict[str, str]]] = {
    # A role can lift its own settings; they stop accidents. What must never happen is prevented by
    # missing grants.
    DASHBOARD: {
        "default_transaction_read_only": "on",
        "statement_timeout": "5s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "10s",
        "work_mem": "8MB",
        "temp_file_limit": "128MB",  # the one it cannot lift: a sort must not fill the disk
        "random_page_cost": "1.1",  # what is shown is in memory or on an SSD: look up, do not read whole
    },
    TRADER: {"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"},
    DBT: {"lock_timeout": "30s", "random_page_cost": "1.1"},
    PUBLISHER: {"lock_timeout": "30s", "statement_timeout": "4min"},
    BACKUP: {"default_transaction_read_only": "on"},
    ADVISOR: {"statement_timeout": "10s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "30s"},
    WATCH: {
        "default_transaction_read_only": "on",
        "statement_timeout": "10s",
        "idle_in_transaction_session_timeout": "30s",
    },
}
_LOCK: Final = 7_241_001  # advisory lock number of role work; any constant that nobody else uses


def create_roles(superuser_url: str, passwords_file: Path, roles: Collection[str] = ROLES) -> dict[str, str]:
    """Make or repair the login roles and return role -> password.

    Idempotent. Passwords are random, made once and kept in ``passwords_file`` (0600). The URL's role must
    be a superuser.
    """
    with psycopg.connect(superuser_url) as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        known = json.loads(passwords_file.read_text()) if passwords_file.exists() else {}
        passwords = {role: known.get(role) or secrets.token_hex(24) for role in roles}
        _create_missing(connection, roles)
        if OWNER in roles:
            _let_owner_make_schemas(connection)
        for role in roles:
            connection.execute(
                sql.SQL(
                    "alter role {} with login nosuperuser nocreatedb nocreaterole noreplication "
                    "nobypassrls inherit "
                    "connection limit {} password {}"
                ).format(
                    sql.Identifier(role), sql.Literal(_CONNECTION_LIMITS[role]), sql.Literal(passwords[role])
                )
            )
            for name, value in {**_EVERY_ROLE, **_SETTINGS.get(role, {})}.items():
                connection.execute(
                    sql.SQL("alter role {} set {} to {}").format(
                        sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                    )
                )
        if known != passwords:
            write_private(passwords_file, json.dumps(passwords))
    return passwords


def missing_roles(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "select rolname from pg_roles where rolname = any(%s)", (list(ROLES),)
    ).fetchall()
    return sorted(set(ROLES) - {row[0] for row in rows})


def ensure_role_names(connection: psycopg.Connection) -> None:
    """Make missing roles without login, so that migrations can grant to them on a developer's own database.

    Raises ConfigurationError when roles are missing and the connected role may not create roles.
    """
    if not (missing := missing_roles(connection)):
        return
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            _create_missing(connection, missing)
            _let_owner_make_schemas(connection)
            # One who may create roles is not yet a member of them, but must make schemas for dbt.
            connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(DBT)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"Database roles are missing: expected {', '.join(ROLES)}, found no {', '.join(missing)} and "
            "no right to "
            "create roles; nothing was migrated. Run the installer, or use a role that may create roles."
        ) from error


def _create_missing(connection: psycopg.Connection, roles: Iterable[str]) -> None:
    present = {row[0] for row in connection.execute("select rolname from pg_roles")}
    for role in roles:
        if role not in present:
            connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))


def _let_owner_make_schemas(connection: psycopg.Connection) -> None:
    """Migrations, run by the owner, make schemas that belong to dbt and take them down again."""
    connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(DBT), sql.Identifier(OWNER)))


# A role may change its own settings and default grants: the row that it wrote tells the transaction's number.
_TELLING_RELATIONS: LiteralString = """
    select c.oid::regclass::text from pg_class as c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('v', 'r')
        and (c.relname like 'pg\\_stat%' or c.relname in (
            'pg_locks', 'pg_largeobject_metadata', 'pg_db_role_setting', 'pg_default_acl', 'pg_shdepend'))
"""
_TELLING_FUNCTIONS: LiteralString = """
    select p.oid::regprocedure::text from pg_proc as p
    where p.pronamespace = 'pg_catalog'::regnamespace and (
        p.proname like 'pg\\_stat\\_%' or p.proname like '%advisory%' or p.proname like '%multixact%'
        or p.proname ~ '^(lo_|txid_|pg_current_(wal|xact_id|snapshot))'
        or p.proname ~ '^pg_(database|relation|total_relation|table|indexes|tablespace)_size$'
        or p.proname ~
        '^pg_(last_committed_xact|xact_|lock_status|notify|sleep|last_wal|get_wal|logical_emit)' or
        p.proname ~ '^pg_(snapshot_|export_snapshot|control_|relation_file)'
        or p.proname ~ '(blocking_pids|session_is_blocked)$'
        or p.proname in ('age', 'mxid_age') and p.proargtypes[0] = 'xid'::regtype )
"""


def hide_activity_from_public(
    connection: psycopg.Connection, internal: Collection[str] = INTERNAL_ROLES
) -> None:
    """Take from PUBLIC what betrays activity: statistics, sizes, locks, row estimates, transaction ids.

    Also what a reader could sabotage with: advisory locks, large objects, notifications. The ``internal``
    roles keep it all. Idempotent. Needs a superuser; a database cloned from this one has it already.
    """
    insiders = sql.SQL(", ").join(map(sql.Identifier, internal))
    views = [row[0] for row in connection.execute(_TELLING_RELATIONS)]
    functions = [row[0] for row in connection.execute(_TELLING_FUNCTIONS)]
    for kind, right, names in (("table", "select", views), ("function", "execute", functions)):
        # The names are catalog names in the server's own quoting (regclass, regprocedure).
        things = sql.SQL(", ").join(sql.SQL(name) for name in names)
        words = sql.SQL(right), sql.SQL(kind)
        connection.execute(sql.SQL("revoke {} on {} {} from public").format(*words, things))
        connection.execute(sql.SQL("grant {} on {} {} to {}").format(*words, things, insiders))
    columns = [
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = 'pg_class'::regclass and attnum > 0 "
            "and attname !~ '^rel(tuples|pages|allvisible|allfrozen|frozenxid|minmxid)$'"
        )
    ]
    connection.execute("revoke select on pg_class from public")
    connection.execute(
        sql.SQL("grant select ({}) on pg_class to public").format(
            sql.SQL(", ").join(map(sql.Identifier, columns))
        )
    )
    connection.execute(sql.SQL("grant select on pg_class to {}").format(insiders))
