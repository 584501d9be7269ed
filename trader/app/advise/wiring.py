"""The advisor's own composition root: it shares neither a process nor a database role with trading."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from trader.adapters.http import HttpClient
from trader.adapters.openrouter.client import MAX_TOKENS, OpenRouterAdvisor
from trader.adapters.ops.advice import AdviceRepository
from trader.adapters.ops.pool import Database
from trader.app.advise.run import Desk
from trader.app.clock import SystemClock
from trader.app.config import Settings
from trader.app.logs import logger
from trader.app.wiring import settings_and_urls


@contextmanager
def open_desk(env: Mapping[str, str]) -> Iterator[Desk]:
    """The advisor on the environment's database; without OPENROUTER_API_KEY the rules word everything."""
    settings, urls = settings_and_urls(env, need=("advisor",))
    with desk_on(urls.advisor, settings) as desk:
        yield desk


@contextmanager
def desk_on(url: str, settings: Settings) -> Iterator[Desk]:
    """The same on a given database."""
    clock = SystemClock()
    with ExitStack() as stack:
        rows = AdviceRepository(
            stack.enter_context(Database(url, max_size=1, application_name="milkbot advise"))
        )
        advisor = None
        if settings.openrouter_api_key:
            http = stack.enter_context(HttpClient(clock=clock, timeout_s=settings.advisor_timeout_s))
            advisor = OpenRouterAdvisor(
                http,
                settings.openrouter_base_url,
                key=settings.openrouter_api_key,
                model=settings.advisor_model,
            )
        yield Desk(
            rows=rows,
            advisor=advisor,
            clock=clock,
            now=rows.world_now() or clock.now(),
            log=logger(),
            budget_usd=settings.advisor_budget_usd,
            price_usd_per_mtok=settings.advisor_price_usd_per_mtok,
            max_answer_tokens=MAX_TOKENS,
        )
