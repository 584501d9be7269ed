"""Answers, ribbon, trades, funnel, health, city table, chart: what they say about a known day."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dashboard import theme
from dashboard.bundles import Figures
from dashboard.components import (
    answers,
    city_heatmap,
    equity_chart,
    funnel,
    health_badges,
    panel,
    strategy_table,
    trade_feed,
)
from dashboard.components.ribbon import ribbon
from dashboard.rows import FunnelStep, PublicTrade
from dashboard.views.trades import csv_of
from tests.unit.dashboard import sample, sample_late

EVIL = '<script>alert("x")</script>'


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_four_questions_are_answered_from_a_full_day() -> None:
    said = text_of(answers.four(sample.page(), sample.health(), sample_late.figures(), is_away=False))

    assert "Is it running? Yes Last cycle 09:04 EDT, 10 of 10 cities. Weather : working in part" in said
    assert "What did it trade? 10 trades on today’s weather Latest shown: NYC high 79–80°, bought NO" in said
    assert "Too early to say: 15 settled positions of 100." in said
    assert "Why not more? 9 of 756 prices became orders 414 edge too small, 260 spread too wide" in said


def test_four_questions_are_answered_without_any_data() -> None:
    said = text_of(answers.four(None, (), Figures(), is_away=False))

    assert "Not yet" in said
    assert said.count("N/A") == 3
    assert "None" not in said


def test_a_dead_database_is_not_called_running() -> None:
    assert "Not known" in answers.running(sample.page(), sample.health(), is_away=True)[0]


def test_a_dead_trader_is_said_to_be_down() -> None:
    down = [h.model_copy(update={"status": "down", "message": "no cycle in time"}) for h in sample.health()]

    answer, words = answers.running(sample.page(), down, is_away=False)

    assert "st bad" in answer
    assert "Trader</b>: no cycle in time" in words


def test_enough_settled_positions_are_judged() -> None:
    many = [sample.city_metrics()[-1].model_copy(update={"wins": 60, "losses": 41})]

    assert "101 settled positions: 60 won, 41 lost" in answers.quality(sample.equity(), many)[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            "Recorded week You are watching July 21, 2026 again, as it happened.",
        ),
        ({"world": None}, "Practice exchange"),
        ({"world": None, "mode": "SHADOW"}, "Pretend money Real prices, simulated fills."),
    ],
)
def test_the_ribbon_names_what_is_not_real(changes: dict[str, object], words: str) -> None:
    assert words in text_of(ribbon(sample.page(**changes), sample.health(), is_away=False))


def test_live_money_has_no_ribbon_and_a_footer_that_says_so() -> None:
    page = sample.page(world=None, mode="LIVE")

    assert "ribbon" not in ribbon(page, sample.health(), is_away=False)
    assert "Real money." in panel.footer(page)


def test_the_ribbon_says_since_when_the_database_is_away() -> None:
    said = text_of(ribbon(sample.page(), sample.health(), is_away=True))

    assert "Database away Showing what we had at 09:04:48 EDT. Trying again by itself." in said


@pytest.mark.story("6.4")
def test_trades_show_time_to_the_minute_city_side_quantity_and_price() -> None:
    said = text_of(trade_feed.feed(sample.trades()[:2], sample.AS_OF))

    assert "Time, EDT City Contract Side Qty Price We said Result" in said
    assert "Jul 21 08:00 NYC 79–80° high Jul 21 NO 40 at 9¢ 9¢ 20% open" in said


@pytest.mark.parametrize(
    ("outcome", "pnl", "words"),
    [
        (None, None, "open"),
        ("won", "14.54", "won +$14.54"),
        ("lost", "-17.62", "lost −$17.62"),
        ("fair price", "0.40", "fair price +$0.40"),
    ],
)
def test_a_result_is_a_word_with_a_signed_amount(outcome: str | None, pnl: str | None, words: str) -> None:
    trade = sample.trade(outcome=outcome, pnl=Decimal(pnl) if pnl else None)

    assert text_of(trade_feed.result(trade, sample.AS_OF)) == words


@pytest.mark.parametrize(
    ("as_of", "words"), [("2026-07-22T07:59:59Z", "open"), ("2026-07-22T08:00:00Z", "no result yet")]
)
def test_a_trade_whose_day_is_over_waits_for_its_result(as_of: str, words: str) -> None:
    trade = sample.trade(climate_date=sample.TODAY, outcome=None)

    assert text_of(trade_feed.result(trade, datetime.fromisoformat(as_of))) == words


def long_list(trade: PublicTrade) -> str:
    words = sample_late.explanation(text=EVIL, author=EVIL, city_code=EVIL, bracket_label=EVIL)
    return trade_feed.detailed([trade], [words], sample.AS_OF)


@pytest.mark.parametrize("draw", [lambda trade: trade_feed.feed([trade], sample.AS_OF), long_list])
def test_a_trades_texts_are_plain_text(draw: object) -> None:
    trade = sample.trade(city=EVIL, city_name=EVIL, bracket_label=EVIL, strategy_name=EVIL)

    html = draw(trade)  # type: ignore[operator]  # one of two functions

    assert "<script" not in html
    assert "&lt;script" in html


def test_a_trade_without_market_or_label_is_still_drawn() -> None:
    trade = sample.trade(market_type=None, climate_date=None, bracket_label=None, p_side=None, edge=None)

    assert "None" not in trade_feed.detailed([trade], (), sample.AS_OF)


def test_csv_holds_the_published_rows_and_runs_no_formula() -> None:
    lines = csv_of((sample.trade(bracket_label="=cmd()"), sample.trade())).splitlines()

    assert lines[0].startswith("city,city_name,market_type")
    assert "'=cmd()" in lines[1]
    assert "2026-07-21T01:00:00Z" in lines[2]


def test_funnel_counts_what_fell_out_before_each_step() -> None:
    said = text_of(funnel.table(sample.funnel()))

    assert "We had a forecast weather and model fresh 732 −24" in said
    assert "Orders filled 9 0" in said
    assert funnel.reasons(sample.funnel())[0] == ("EDGE_TOO_SMALL", 414)
    assert "&lt;script" in funnel.table(
        [FunnelStep(date=sample.TODAY, mode="DEMO", step_no=1, step=EVIL, count=1)]
    )


@pytest.mark.story("6.7")
@pytest.mark.parametrize(
    ("status", "mark", "word"),
    [("ok", "st ok", "OK"), ("degraded", "st warn", "Late"), ("down", "st bad", "Down")],
)
def test_each_state_has_shape_ink_and_word(status: str, mark: str, word: str) -> None:
    rows = [h.model_copy(update={"status": status}) for h in sample.health()]

    html = health_badges.table(rows, sample.AS_OF)

    assert html.count(mark) == 6
    assert text_of(html).count(word) == 6


@pytest.mark.story("6.7")
def test_a_degraded_component_raises_an_alert_that_names_it() -> None:
    assert "Weather working in part" in text_of(health_badges.alert(sample.health()))
    assert health_badges.alert([h for h in sample.health() if h.status == "ok"]) == ""
    assert "Weather: late" in health_badges.overall(sample.health(), is_away=False)


def test_components_that_never_reported_are_listed_as_unknown() -> None:
    said = text_of(health_badges.table((), None))

    assert said.count("Unknown") == 6
    assert said.count("never reported N/A") == 6


@pytest.mark.story("6.6")
def test_city_totals_add_up_to_the_rollup() -> None:
    metrics = sample.city_metrics()
    totals = city_heatmap.totals(metrics)

    assert [t.code for t in totals][:2] == ["NYC", "CHI"]
    assert sum(t.trades for t in totals) == sum(m.trades for m in metrics) == 25
    assert sum(t.pnl or 0 for t in totals) == sum(m.pnl or 0 for m in metrics)
    assert totals[0].win_rate == 0


@pytest.mark.story("6.6")
@pytest.mark.parametrize("column", city_heatmap.SORTS[1:])
def test_the_city_table_sorts_by_every_column(column: str) -> None:
    totals = city_heatmap.totals(sample.city_metrics())
    value = city_heatmap.COLUMNS[column]

    ordered = [value(t) or 0 for t in city_heatmap.sort(totals, column)]

    assert ordered == sorted(ordered, reverse=True)


@pytest.mark.story("6.6")
def test_profit_and_loss_cells_differ_in_sign_and_in_tint() -> None:
    html = city_heatmap.table(city_heatmap.totals(sample.city_metrics()))

    assert re.search(r"var\(--down\) \d+%,transparent\)\">−\$35.24", html)
    assert re.search(r"var\(--up\) \d+%,transparent\)\">\+\$29.08", html)
    assert city_heatmap.table(city_heatmap.totals(())).count("N/A") == 30


def test_strategies_say_their_edge_and_nothing_they_do_not_know() -> None:
    assert text_of(strategy_table.table(sample.strategy_metrics(), sample_late.closing())).endswith(
        "daily high 756 10 +5.1¢ −1.3¢ N/A"
    )


@pytest.mark.story("6.5")
def test_the_equity_chart_steps_through_the_points_and_ends_at_the_newest() -> None:
    figure = equity_chart.figure(sample.equity(), sample.AS_OF)
    line = figure.data[1]

    assert line.line.shape == "hv"
    assert line.y[-1] == float(sample.equity()[-1].total_equity)
    assert "realised" in line.hovertemplate
    assert figure.layout.annotations[0].text == "$1,000.14"
    veil = figure.layout.shapes[0]
    assert veil.x1 - veil.x0 == timedelta(minutes=60)


@pytest.mark.story("6.5")
def test_equal_points_are_drawn_once_and_nothing_is_lost() -> None:
    same = {"realized_pnl": Decimal(0), "unrealized_pnl": Decimal(0), "total_equity": Decimal(9)}
    flat = [p.model_copy(update=same) for p in sample.equity()]

    assert equity_chart.steps(flat) == [flat[0], flat[-1]]
    assert len(equity_chart.steps(sample.equity())) == len(sample.equity())


def test_a_short_span_labels_the_hour_that_is_not_shown() -> None:
    figure = equity_chart.figure(sample.equity()[-6:], sample.AS_OF)

    assert [a.text for a in figure.layout.annotations] == ["$1,000.14", "not shown yet"]


def test_no_points_is_not_a_chart() -> None:
    with pytest.raises(ValueError, match="expected at least one equity point"):
        equity_chart.figure((), sample.AS_OF)


def test_inks_of_the_stylesheet_and_of_the_charts_are_the_same() -> None:
    from dashboard.views.about import TEXT

    css = (TEXT.parent / "page.css").read_text(encoding="utf-8")
    names = {
        "ground": theme.GROUND, "panel": theme.PANEL, "raised": theme.RAISED, "line": theme.LINE,
        "line2": theme.LINE_STRONG,
        "ink": theme.INK, "ink2": theme.INK_2, "label": theme.LABEL, "us": theme.US,
        "mktl": theme.MARKET_LINE,
        "up": theme.UP, "down": theme.DOWN, "ok": theme.OK, "warn": theme.WARN, "bad": theme.BAD,
    }  # fmt: skip
    found = dict(re.findall(r"--(\w+):(#[0-9A-F]{6})", css.partition("color:var(--ink)")[0]))
    assert {name: found[name] for name in names} == names
