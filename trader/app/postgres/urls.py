"""Which database URLs a command uses: those it was given, else those of the embedded server."""

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trader.app.postgres.data_dir import write_private
from trader.app.postgres.databases import Urls, create_database, database_urls, list_databases, role_passwords
from trader.app.postgres.server import Server, ensure_server
from trader.domain.errors import ConfigurationError, shown

ENV_NAMES: Final = {  # field of Urls -> environment variable: the four that a demo leaves behind
    "owner": "MIGRATE_DATABASE_URL",
    "trader": "DATABASE_URL",
    "analytics": "ANALYTICS_DATABASE_URL",
    "dashboard": "DASHBOARD_DATABASE_URL",
}
SERVICE_ENV_NAMES: Final = {  # of the services around them
    "backup": "BACKUP_DATABASE_URL",
    "advisor": "ADVISOR_DATABASE_URL",
    "watch": "WATCH_DATABASE_URL",
}
_ALL: Final = ENV_NAMES | SERVICE_ENV_NAMES
_DEFAULT_DATABASE: Final = "milkbot"
_container: list[object] = []  # keeps the testcontainers container alive as long as this process


def resolve_urls(
    env: Mapping[str, str],
    data_dir: Path,
    *,
    need: Collection[str] = tuple(ENV_NAMES),
    database: str | None = None,
) -> Urls:
    """Return the URLs a command uses; starts or adopts a server only when the environment names none.

    A missing URL is DATABASE_URL's (development: one role that may do everything). Without DATABASE_URL a
    service has only its own: then the fields in ``need`` must be given and the others are empty strings.
    On our own server the database is ``database``, else the one of ``data_dir/env`` (the last demo), else
    ``milkbot``; it is created when absent, not migrated.
    Raises ConfigurationError naming the variable.
    """
    given = {name: env[name] for name in _ALL.values() if env.get(name)}
    if given:
        return _given_urls(given, need)
    wanted = env.get("MILKBOT_PG") or "embedded"
    if wanted == "embedded":
        server = ensure_server(data_dir)
    elif wanted == "docker":
        server = docker_server(data_dir)
    else:
        raise ConfigurationError(
            f"MILKBOT_PG: expected 'embedded' or 'docker', found {shown(wanted)}; no database was started"
        )
    name = database or _database_of_env_file(data_dir / "env") or _DEFAULT_DATABASE
    if name in list_databases(server):
        return database_urls(server, name, role_passwords(server))
    return create_database(server, name, is_test=False)


def write_env_file(path: Path, urls: Urls, ports: Mapping[str, int]) -> None:
    """Write the four URLs and the ports (environment name -> port) as shell assignments, mode 0600."""
    values = {name: getattr(urls, field) for field, name in ENV_NAMES.items()}
    write_assignments(path, values | {name: str(port) for name, port in ports.items()})


def write_assignments(path: Path, values: Mapping[str, str]) -> None:
    """Write names and values as shell assignments, mode 0600."""
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))


def read_env_file(path: Path) -> dict[str, str]:
    """Return the assignments of a file made by ``write_env_file``; empty when there is none."""
    if not path.exists():
        return {}
    pairs: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, sign, value = words[0].partition("=")
        if len(words) != 1 or not sign:
            raise ConfigurationError(
                f"{path} line {number}: expected NAME='value', found something else; nothing was read from it"
            )
        pairs[name] = value
    return pairs


def docker_server(data_dir: Path, *, image: str = "postgres:18-alpine") -> Server:
    """Start Postgres in a container that lives as long as this process.

    Raises ConfigurationError when testcontainers or a Docker engine is missing.
    """
    try:
        import docker
        from testcontainers.postgres import PostgresContainer
    except ImportError as error:
        raise ConfigurationError(
            "MILKBOT_PG=docker: expected the package testcontainers (extra 'dev'), found none; no "
            "database was started"
        ) from error
    try:
        docker.from_env(timeout=2).ping()
    except Exception as error:  # the client raises requests', urllib3's and its own classes for "no engine"
        raise ConfigurationError(
            f"MILKBOT_PG=docker: expected a Docker engine that answers, found {type(error).__name__}; no "
            "database was "
            "started. Start Docker, or unset MILKBOT_PG for the embedded server."
        ) from error
    container = PostgresContainer(image, username="postgres", driver=None)
    container.start()
    _container.append(container)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    roles_file_home = data_dir / "docker"
    roles_file_home.mkdir(mode=0o700, exist_ok=True)
    (roles_file_home / "roles.json").unlink(missing_ok=True)  # each container is a new server
    url = container.get_connection_url()
    parts = urlsplit(url)
    return Server(parts.hostname or "127.0.0.1", parts.port or 5432, url, None, roles_file_home)


def _given_urls(given: Mapping[str, str], need: Collection[str]) -> Urls:
    for name, url in given.items():
        if urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ConfigurationError(
                f"{name}: expected postgresql://role:password@host:port/database, found a value that "
                "does not begin "
                "with postgresql://; nothing was started"
            )
    main = given.get("DATABASE_URL", "")
    found = {field: given.get(name) or main for field, name in _ALL.items()}
    if missing := [_ALL[field] for field in need if not found[field]]:
        raise ConfigurationError(
            f"{missing[0]}: expected postgresql://role:password@host:port/database, found it unset while "
            f"{', '.join(given)} is set; nothing was started and no other server was used"
        )
    return Urls(**found)


def _database_of_env_file(path: Path) -> str | None:
    """Return the database of the last demo; its port is looked up anew, since the server may have moved."""
    url = read_env_file(path).get("DATABASE_URL")
    return urlsplit(url).path.removeprefix("/") or None if url else None
