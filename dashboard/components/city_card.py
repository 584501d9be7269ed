"""One city's event as a card: readouts, the strip of market bars and our ticks, the ladder as a real
table."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from dashboard import format as fmt
from dashboard.cities import Place
from dashboard.rows import BoardRow, Bracket

_TAIL_DEGREES: Final = 2  # an open end is drawn as one column of two degrees
_WORDS: Final = {"HIGH": "high", "LOW": "low", "RAIN": "total", "SNOW": "total"}


def card(place: Place, row: BoardRow | None, as_of: datetime | None, market_type: str) -> str:
    """The card of a city; without a row it keeps its shape and says what is missing."""
    what = _WORDS[market_type]
    now = (
        f"{fmt.clock(as_of, place.timezone)} <i>{fmt.zone_name(as_of, place.timezone)}</i>"
        if as_of
        else fmt.NA
    )
    if row is None or as_of is None:
        body = _readouts(f"{what.capitalize()} so far", _missing("no data yet"), _missing("no forecast yet"))
        status = "none"
        said = f"{place.name}: no data yet"
        body += (
            _ladder_missing()
            + '<footer><span class="r"><b class="st off">No market listed</b></span></footer>'
        )
    else:
        status = "stale" if row.is_quote_stale and row.event_status == "open" else row.event_status
        said = _spoken(place, row, what)
        body = _facts(row, place, as_of, what) + _market(row) + _footer(row, place, as_of)
    return (
        f'<article class="city s-{status}" aria-label="{fmt.esc(said)}"><header><h3>{place.code}'
        f"<span>{place.name}</span></h3><time>{now}</time></header>{body}</article>"
    )


def rail_position(degree: Decimal, ladder: Sequence[Bracket]) -> Decimal | None:
    """Where a temperature stands on the axis of the columns, 0 to 1; outside of it below 0 or above 1.

    Columns are equally wide; inside a column degrees run linearly from half a degree below its lowest.
    """
    if (edges := _edges(ladder)) is None:
        return None
    n = Decimal(len(edges) - 1)
    for i, (left, right) in enumerate(pairwise(edges)):
        if degree < right or i == n - 1:
            return (i + (degree - left) / (right - left)) / n
    return None


def is_impossible(bracket: Bracket, extreme: Decimal | None, market_type: str) -> bool:
    """Whether the extreme so far has ruled a bracket out: a high only rises, a low only falls."""
    if extreme is None:
        return False
    if market_type == "HIGH":
        return bracket.hi is not None and bracket.hi < extreme
    return market_type == "LOW" and bracket.lo is not None and bracket.lo > extreme


def _edges(ladder: Sequence[Bracket]) -> list[Decimal] | None:
    """Borders between columns in degrees, half a degree off the whole ones; None when the ladder has gaps."""
    if len(ladder) < 2 or ladder[0].hi is None or ladder[-1].lo is None:
        return None
    half = Decimal("0.5")
    first = ladder[0].lo - half if ladder[0].lo is not None else ladder[0].hi + half - _TAIL_DEGREES
    edges = [first, ladder[0].hi + half]
    for bracket in ladder[1:]:
        if bracket.lo is None or bracket.lo - half != edges[-1]:
            return None
        edges.append(bracket.hi + half if bracket.hi is not None else edges[-1] + _TAIL_DEGREES)
    return edges


def _missing(why: str) -> str:
    return f'<span class="big na">{fmt.NA}</span><span class="sub">{why}</span>'


def _reading(value: str, when: str) -> str:
    return f'<span class="big">{value}</span><span class="sub">{when}</span>'


def _readouts(title: str, left: str, right: str) -> str:
    return (
        f'<div class="read"><div><span class="q">{title}</span>{left}</div>'
        f'<div class="us"><span class="q">Our forecast</span>{right}</div></div>'
    )


def _facts(row: BoardRow, place: Place, as_of: datetime, what: str) -> str:
    if row.official_value is not None:
        title = f"Official {what}"
        left = _reading(fmt.degrees(row.official_value), "final report")
    elif row.extreme_so_far_f is not None:
        title = f"{what.capitalize()} so far"
        left = f'<span class="big">{fmt.degrees(row.extreme_so_far_f)}</span>{_now(row, place, as_of)}'
    elif not row.is_today and row.temp_f is not None and row.observed_at is not None:
        seen = fmt.when(row.observed_at, as_of, place.timezone)
        title, left = "Now", _reading(fmt.degrees(row.temp_f), f"at {seen}")
    else:
        title, left = f"{what.capitalize()} so far", _missing("no station report")
    if row.forecast_f is None or row.forecast_as_of is None:
        return _readouts(title, left, _missing("no forecast yet"))
    spread = f"±{fmt.degrees(row.forecast_sd_f, 1)} " if row.forecast_sd_f is not None else ""
    seen = fmt.when(row.forecast_as_of, as_of, place.timezone)
    at = f"at {seen}" if len(seen) == 5 else seen
    return _readouts(title, left, _reading(fmt.degrees(row.forecast_f, 1), f"{spread}{at}"))


def _now(row: BoardRow, place: Place, as_of: datetime) -> str:
    if row.temp_f is None or row.observed_at is None:
        return '<span class="sub">now N/A, no station report</span>'
    seen = fmt.when(row.observed_at, as_of, place.timezone)
    return f'<span class="sub">now {fmt.degrees(row.temp_f)} at {seen}</span>'


def _market(row: BoardRow) -> str:
    if not row.ladder:
        return _ladder_missing()
    is_final = row.event_status == "settled"
    columns = "".join(_column(b, row, is_final=is_final) for b in row.ladder)
    strip = (
        f'<div class="strip" aria-hidden="true"><span class="fifty">50%</span>'
        f'<div class="plot" style="--n:{len(row.ladder)}">{columns}</div><div class="rail">'
        f"{_rail(row)}</div></div>"
    )
    wide = any((b.hi or b.lo or 0) >= 100 for b in row.ladder)
    best = max((b.model_p for b in row.ladder if b.model_p is not None), default=None)
    labels = "".join(
        f'<td{_f(_is_leading(b, row))} aria-label="{fmt.bracket(b.lo, b.hi)}">{_narrow(b)}</td>'
        for b in row.ladder
    )
    market = "".join(
        f"<td{_f(_is_leading(b, row))}>{fmt.esc(fmt.chance(b.mid, is_final=is_final))}</td>"
        for b in row.ladder
    )
    if best is None:
        ours = f'<td colspan="{len(row.ladder)}" class="na">{fmt.NA}</td>'
    else:
        ours = "".join(
            f"<td{_f(b.model_p == best)}>{fmt.esc(fmt.chance(b.model_p))}</td>" for b in row.ladder
        )
    return (
        f'<div class="lw">{strip}<table class="lad{" h" if wide else ""}">'
        f'<tr class="lb"><th scope="row">°F</th>{labels}</tr><tr class="mk"><th scope="row">Mkt</th>'
        f"{market}</tr>"
        f'<tr class="ou"><th scope="row">Us</th>{ours}</tr></table></div>'
    )


def _ladder_missing() -> str:
    row = f'<td colspan="6" class="na">{fmt.NA}</td>'
    return (
        '<div class="lw"><div class="strip" aria-hidden="true"><span class="fifty">50%</span><div '
        'class="plot"></div>'
        f'<div class="rail"></div></div><table class="lad"><tr class="lb"><th scope="row">°F</th>{row}</tr>'
        f'<tr class="mk"><th scope="row">Mkt</th>{row}</tr><tr class="ou"><th scope="row">Us</th>{row}</tr>'
        f"</table></div>"
    )


def _column(bracket: Bracket, row: BoardRow, *, is_final: bool) -> str:
    extreme = row.official_value if row.official_value is not None else row.extreme_so_far_f
    css = "col"
    if is_impossible(bracket, extreme, row.market_type) and not bracket.is_winner:
        css += " out"
    if is_final and bracket.is_winner:
        css += " win"
    bar = f'<i class="bar" style="height:{_percent(bracket.mid)}"></i>' if bracket.mid is not None else ""
    ours = (
        f'<i class="our" style="bottom:{_percent(bracket.model_p)}"></i>'
        if bracket.model_p is not None
        else ""
    )
    return f'<div class="{css}">{bar}{ours}</div>'


def _rail(row: BoardRow) -> str:
    html = ""
    if row.p10_f is not None and row.p90_f is not None:
        low, high = rail_position(row.p10_f, row.ladder), rail_position(row.p90_f, row.ladder)
        if low is not None and high is not None:
            css = f"whisk{' cl' if low < 0 else ''}{' cr' if high > 1 else ''}"
            start, end = _pin(low), _pin(high)
            html += f'<i class="{css}" style="left:{_percent(start)};width:{_percent(end - start)}"></i>'
    if row.p50_f is not None and (middle := rail_position(row.p50_f, row.ladder)) is not None:
        html += (
            f'<i class="med" style="left:{_percent(min(max(middle, Decimal("0.01")), Decimal("0.99")))}"></i>'
        )
    seen = row.official_value if row.official_value is not None else row.extreme_so_far_f
    if (
        seen is not None
        and row.event_status != "settled"
        and (x := rail_position(seen, row.ladder)) is not None
    ):
        if 0 <= x <= 1:
            html += f'<i class="obs" style="left:{_percent(x)}"></i>'
        else:
            html += f'<i class="obsoff {"l" if x < 0 else "r"}"></i>'
    return html


def _footer(row: BoardRow, place: Place, as_of: datetime) -> str:
    if row.event_status == "none" or not row.ladder:
        return '<footer><span class="r"><b class="st off">No market listed</b></span></footer>'
    if row.event_status == "settled":
        won = next((fmt.bracket(b.lo, b.hi) + "°" for b in row.ladder if b.is_winner), "")
        said = f"{won} won" if won else ""
        return f'<footer><span class="r"><b class="st done">Settled</b>{said}</span></footer>'
    prices = (
        f"<span>Bid <b>{fmt.cents(row.leading_bid)}</b></span><span>Ask <b>{fmt.cents(row.leading_ask)}</b>"
        f"</span>"
        f"<span>Spread <b>{fmt.cents(row.spread)}</b></span>"
    )
    size = row.volume or row.depth
    name = "Vol" if row.volume else "Depth"  # a recorded world may hold no volume
    size_html = f"<span>{name} <b>{fmt.short(size) if size is not None else fmt.NA}</b></span>"
    if row.event_status == "closed":
        state = '<b class="st off">Closed</b>'
    elif row.is_quote_stale:
        seen = fmt.clock(row.quotes_as_of, place.timezone) + " prices" if row.quotes_as_of else "no price yet"
        state = f'<b class="st warn">Stale</b>{seen}'
    else:
        state = f'<b class="st ok">Open</b>{_until(row, place, as_of)}'
    return f'<footer><span class="l1">{prices}</span>{size_html}<span class="r">{state}</span></footer>'


def _until(row: BoardRow, place: Place, as_of: datetime) -> str:
    """When trading ends in local time; with the day when that is more than a day away."""
    if row.close_time is None:
        return ""
    there = fmt.local(row.close_time, place.timezone)
    is_near = (row.close_time - as_of).total_seconds() < 86_400
    return f"to {there:%H:%M}" if is_near else f"to {there:%a %H:%M}"


def _spoken(place: Place, row: BoardRow, what: str) -> str:
    leading = next((b for b in row.ladder if _is_leading(b, row)), None)
    market = (
        f"market favours {_words(leading)} at {fmt.chance(leading.mid)} percent"
        if leading is not None and leading.mid is not None
        else "no two-sided price"
    )
    measured = row.official_value if row.official_value is not None else row.extreme_so_far_f
    name = f"official {what}" if row.official_value is not None else f"{what} so far"
    return (
        f"{place.name}: {name} {fmt.degrees(measured).rstrip('°')}, "
        f"our forecast {fmt.degrees(row.forecast_f, 1).rstrip('°')}; {market}"
    )


def _words(bracket: Bracket) -> str:
    if bracket.lo is None or bracket.hi is None:
        return f"{bracket.hi} or below" if bracket.lo is None else f"{bracket.lo} or above"
    return f"{bracket.lo} to {bracket.hi}"


def _is_leading(bracket: Bracket, row: BoardRow) -> bool:
    return bool(bracket.is_leading) or (row.leading_label is not None and bracket.label == row.leading_label)


def _narrow(bracket: Bracket) -> str:
    if bracket.lo is None and bracket.hi is None:
        return fmt.esc(bracket.label)
    return fmt.bracket(bracket.lo, bracket.hi, is_narrow=True)


def _f(is_favourite: bool) -> str:
    return ' class="f"' if is_favourite else ""


def _pin(share: Decimal) -> Decimal:
    return min(max(share, Decimal(0)), Decimal(1))


def _percent(share: Decimal | None) -> str:
    return f"{(share or Decimal(0)) * 100:.1f}%"
