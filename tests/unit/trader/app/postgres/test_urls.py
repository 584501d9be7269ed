"""Which URLs a command uses, and the file that carries them to the next command."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.app.postgres import Urls, read_env_file, resolve_urls, write_env_file
from trader.domain.errors import ConfigurationError

ALL = {
    "MIGRATE_DATABASE_URL": "postgresql://owner@h/d",
    "DATABASE_URL": "postgresql://trader@h/d",
    "ANALYTICS_DATABASE_URL": "postgresql://dbt@h/d",
    "DASHBOARD_DATABASE_URL": "postgresql://dashboard@h/d",
}
NOWHERE = Path("/nonexistent")  # a server started by mistake would fail here


def test_given_urls_are_used_as_they_are() -> None:
    urls = resolve_urls(ALL, NOWHERE)

    assert (urls.owner, urls.trader, urls.analytics, urls.dashboard) == tuple(ALL.values())


def test_database_url_alone_serves_every_role() -> None:
    urls = resolve_urls({"DATABASE_URL": ALL["DATABASE_URL"]}, NOWHERE)

    assert {urls.owner, urls.trader, urls.analytics, urls.dashboard, urls.backup} == {ALL["DATABASE_URL"]}


def test_service_with_only_its_own_url_gets_only_that() -> None:
    env = {"DASHBOARD_DATABASE_URL": ALL["DASHBOARD_DATABASE_URL"]}

    urls = resolve_urls(env, NOWHERE, need=("dashboard",))

    assert (urls.dashboard, urls.trader) == (ALL["DASHBOARD_DATABASE_URL"], "")


def test_missing_url_is_named_and_no_other_server_is_used() -> None:
    env = {"DASHBOARD_DATABASE_URL": ALL["DASHBOARD_DATABASE_URL"]}

    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: expected postgresql://.*no other server"):
        resolve_urls(env, NOWHERE, need=("trader",))


def test_url_of_another_kind_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: expected postgresql://") as caught:
        resolve_urls({"DATABASE_URL": "mysql://root:hunter2@h/d"}, NOWHERE)

    assert "hunter2" not in str(caught.value)


def test_unknown_source_of_postgres_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected 'embedded' or 'docker', found 'podman'"):
        resolve_urls({"MILKBOT_PG": "podman"}, NOWHERE)


def test_env_file_is_private_and_names_urls_and_ports(tmp_path: Path) -> None:
    path = tmp_path / "env"

    owner, trader, analytics, dashboard = ALL.values()
    write_env_file(path, Urls(owner, trader, analytics, dashboard, "-"), {"MILKBOT_API_PORT": 8000})

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_env_file(path) == {**ALL, "MILKBOT_API_PORT": "8000"}
    assert read_env_file(tmp_path / "none") == {}


@given(password=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_env_file_returns_text_as_written(tmp_path_factory: pytest.TempPathFactory, password: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any-env"
    url = f"postgresql://a:{password}@h/d"

    write_env_file(path, Urls(url, url, url, url, url), {})

    assert read_env_file(path)["DATABASE_URL"] == url


def test_spoilt_env_file_names_the_line_and_not_its_text(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A='1'\nsecret words\n")

    with pytest.raises(ConfigurationError, match="line 2") as caught:
        read_env_file(tmp_path / "env")

    assert "secret" not in str(caught.value)


def test_urls_do_not_show_in_their_repr() -> None:
    assert repr(Urls("a", "b", "c", "d", "e")) == "Urls()"
