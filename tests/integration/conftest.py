"""What several files of this folder ask for."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.built_warehouse import Warehouse, build
from tests.integration.warehouse_history import fill_history
from trader.app.postgres import Urls


@pytest.fixture(scope="session")
def built(new_database: Callable[..., Urls], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """One warehouse built once (its tests share a worker); tests that move its clock put it back."""
    urls = new_database()
    fill_history(urls.trader)
    return build(urls, tmp_path_factory.mktemp("warehouse"))


@pytest.fixture
def warehouse(built: Warehouse) -> Iterator[Warehouse]:
    yield built
    built.set_clock(0)
