"""An empty database of its own for a demo or a backtest."""

from collections.abc import Callable, Mapping
from pathlib import Path

from trader.app import postgres
from trader.app.migrate import up
from trader.domain.errors import ConfigurationError

Say = Callable[[str], None]


def is_given(env: Mapping[str, str]) -> bool:
    """Whether the environment names a database server of its own."""
    return any(env.get(name) for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL"))


def fresh_database(
    env: Mapping[str, str], data_dir: Path, database: str, say: Say, *, what: str
) -> postgres.Urls:
    """Return an empty, migrated database: the one the URLs name, else ``database``, made anew on our server.

    Raises ConfigurationError, changing nothing, when given URLs name one that has Milkbot's tables already.
    """
    if is_given(env):
        urls = postgres.resolve_urls(env, data_dir)
        applied = up(urls.owner)
        if not applied:
            raise ConfigurationError(
                f"{what}: expected an empty database behind the given URLs, found one with Milkbot's tables; "
                "nothing was changed. Give it a new database, or unset the URLs for the embedded server."
            )
    else:
        server = postgres.ensure_server(data_dir)
        postgres.drop_database(server, database)
        urls = postgres.create_database(server, database, is_test=False)
        applied = up(urls.owner)
        say(f"Postgres on {server.host}:{server.port}, database {database}")
    say(f"migrations: {len(applied)} applied")
    return urls
