"""``halfspread data ls``: what the store holds, from when to when, with gaps, where it came from, and how it was found.

A series whose files are damaged is listed with what is wrong, and the others are listed all the same.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from halfspread.commands.output import print_json, print_table
from halfspread.datafeeds.store.places import VARIABLE, store_folder
from halfspread.errors import DataError

if TYPE_CHECKING:
    from halfspread.datafeeds.store.series import Series
    from halfspread.datafeeds.store.spans import Spans
    from halfspread.datafeeds.store.store import Store, Summary

__all__ = ["execute"]

_FILL = "halfspread data fetch bybit BTCUSDT --interval 5m --from 2024-01-01, or halfspread data import FILE"
_SEVERITIES = ("error", "warning", "note")
_SHOWN = 10


@dataclass(frozen=True)
class Listed:
    """A series, with what is known of it, or what is wrong. ``never``: spans inside that were never fetched, and are
    no declared gaps. ``findings``: None where the rows were not checked."""

    series: Series
    summary: Summary | None
    never: Spans = ()
    findings: list[dict[str, Any]] | None = None
    fault: str = ""


def execute(arguments: Namespace) -> int:
    """List the series that ``arguments.series`` names: VENUE, VENUE:SYMBOL or VENUE:SYMBOL:KIND, * and ? in each."""
    from halfspread.datafeeds.store.store import Store

    store = Store(store_folder(arguments.store))
    if not store.folder.is_dir() and (arguments.store or os.environ.get(VARIABLE)):
        raise DataError(
            f"--store {store.folder}: no such folder; expected one that was filled before, or fill it: {_FILL} (with "
            "the same --store)"
        )
    there = store.series()
    wanted = _named(store, there, arguments.series)
    found = [_listed(store, series) for series in wanted]
    if arguments.json:
        listed = [_plain(each) for each in found]
        print_json({"store": str(store.folder), "count": len(listed), "series": listed}, arguments.stdout)
    elif not there:
        print(f"no market data in {store.folder} yet; fill it: {_FILL}")
    else:
        _print(store, found, whole=bool(arguments.series and len(found) == 1))
    return 0


def _named(store: Store, there: Sequence[Series], name: str | None) -> list[Series]:
    """The series of this name. Raises DataError where there are none."""
    parts = name.split(":") if name else []
    if len(parts) > 3:
        raise DataError(f"SERIES: expected VENUE, VENUE:SYMBOL or VENUE:SYMBOL:KIND, got {name!r}")
    parts += ["*"] * (3 - len(parts))
    found = [
        series
        for series in there
        if all(fnmatchcase(mine, part) for mine, part in zip(str(series).split(":"), parts, strict=True))
    ]
    if name and not found:
        shown = ", ".join(map(str, there[:_SHOWN])) + (f" and {len(there) - _SHOWN} more" if there[_SHOWN:] else "")
        raise DataError(
            f"SERIES: expected one that {store.folder} holds ({shown or 'it holds none yet'}), got {name!r}"
        )
    return found


def _listed(store: Store, series: Series) -> Listed:
    from halfspread.datafeeds.store.spans import without

    try:
        told = store.summary(series)
        known = [*told.covered, *((gap.start, gap.end) for gap in told.gaps)]
        never = without([(told.covered[0][0], told.covered[-1][1])], known) if told.covered else ()
        return Listed(series, told, never, store.findings(series))
    except DataError as error:
        return Listed(series, None, fault=str(error))


def _print(store: Store, found: list[Listed], *, whole: bool) -> None:
    from halfspread.commands.runs_tables import size

    lines = [each.fault for each in found if each.fault]
    if whole:
        lines += _details(found[0])
    rows = sum(each.summary.rows for each in found if each.summary)
    taken = size(sum(each.summary.bytes for each in found if each.summary))
    count = f"{len(found)} series" if len(found) != 1 else "1 series"
    print_table(_table(found), "", *lines, f"{count}, {rows:,} rows, {taken} in {store.folder}")


def _table(found: Sequence[Listed]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from halfspread.commands.runs_tables import size

    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("series", "from, to", "rows", "size", "gaps", "found"):
        side: Any = "right" if name in ("rows", "size") else "left"
        words = name in ("gaps", "found")
        grid.add_column(name, justify=side, overflow="fold", no_wrap=not words, min_width=9 if words else None)
    contract = ""
    for each in found:
        if contract != (contract := f"{each.series.venue}:{each.series.symbol}"):
            grid.add_row(Text(contract, style="bold"))
        named = Text(f"  {each.series.kind}")
        told = each.summary
        if told is None:
            grid.add_row(named, "", "", "", "", Text("damaged", style="bold red"))
            continue
        figures = (_range(told.first, told.last), f"{told.rows:,}", size(told.bytes), _gaps(each))
        grid.add_row(named, *map(Text, figures), _checked(each.findings))
    return grid


def _range(first: int | None, last: int | None) -> str:
    """Both days, or the times of one day."""
    if first is None or last is None:
        return ""
    from halfspread.engine.times import time_text

    start, end = time_text(first), time_text(last)
    return f"{start[:16]} to {end[11:16]}" if start[:10] == end[:10] else f"{start[:10]} to {end[:10]}"


def _day(time: int) -> str:
    """A time to the minute, or the day at midnight."""
    from halfspread.engine.times import time_text

    return time_text(time)[:16].removesuffix(" 00:00")


def _gaps(each: Listed) -> str:
    told = each.summary
    parts = []
    if told is not None and told.missing - _bars_in(each) > 0:
        parts.append(f"{told.missing - _bars_in(each):,} missing")
    if each.never:
        parts.append(f"{len(each.never)} unfetched")
    if told is not None and told.gaps:
        parts.append(f"{len(told.gaps)} declared")
    return ", ".join(parts) or "none"


def _bars_in(each: Listed) -> int:
    """Missing rows that stand where nothing was fetched, or in declared gaps, and are told as these."""
    from halfspread.datafeeds.store.spans import united

    interval, told = each.series.of_kind.interval, each.summary
    if not interval or told is None:
        return 0
    spans = united([*each.never, *((gap.start, gap.end) for gap in told.gaps)])
    return min(told.missing, sum((end - start) // interval for start, end in spans))


def _checked(findings: list[dict[str, Any]] | None) -> Any:
    from rich.text import Text

    if findings is None:
        return Text("not checked", style="dim")
    counts = Counter(str(finding.get("severity")) for finding in findings)
    told = [f"{counts[name]} {name}{'s' if counts[name] > 1 else ''}" for name in _SEVERITIES if counts[name]]
    colour = "red" if counts["error"] else "yellow" if counts["warning"] else "green"
    return Text(", ".join(told) or "nothing wrong", style=colour)


def _details(each: Listed) -> list[str]:
    """Lines about one series: what is covered, gaps with their reasons, sources, findings."""
    from halfspread.engine.times import time_text

    told = each.summary
    if told is None:
        return []
    lines = [f"covered: {_span(span)}" for span in told.covered[:_SHOWN]] + _more(told.covered)
    lines += [f"never fetched: {_span(span)}" for span in each.never[:_SHOWN]] + _more(each.never)
    lines += [f"gap: {_span((gap.start, gap.end))}: {gap.reason}" for gap in told.gaps[:_SHOWN]] + _more(told.gaps)
    for source in told.sources[:_SHOWN]:
        notes = "".join(f"; {note}" for note in source.notes)
        lines.append(f"from {source.source}, retrieved {time_text(source.retrieved)}{notes}")
    lines += _more(told.sources)
    if told.clock:
        lines.append(f"times: {'of receipt' if told.clock == 'received' else 'of the exchange'}")
    lines += [f"{f.get('severity')}: {f.get('message')}" for f in (each.findings or [])[:_SHOWN]]
    return [*lines, *_more(each.findings or []), ""]


def _more(things: Sequence[Any]) -> list[str]:
    return [f"  and {len(things) - _SHOWN} more"] if len(things) > _SHOWN else []


def _span(span: tuple[int, int]) -> str:
    return f"{_day(span[0])} to {_day(span[1])}"


def _plain(each: Listed) -> dict[str, Any]:
    """A series as values of JSON; times as text, UTC."""
    from dataclasses import asdict

    from halfspread.engine.times import time_text

    named = {"series": str(each.series), "venue": each.series.venue, "symbol": each.series.symbol}
    told = each.summary
    if told is None:
        return {**named, "kind": each.series.kind, "fault": each.fault}
    return {
        **named,
        "kind": each.series.kind,
        "rows": told.rows,
        "first": None if told.first is None else time_text(told.first),
        "last": None if told.last is None else time_text(told.last),
        "bytes": told.bytes,
        "files": told.files,
        "covered": [[time_text(start), time_text(end)] for start, end in told.covered],
        "never_fetched": [[time_text(start), time_text(end)] for start, end in each.never],
        "gaps": [{"start": time_text(g.start), "end": time_text(g.end), "reason": g.reason} for g in told.gaps],
        "holes": told.holes,
        "missing": told.missing,
        "sources": [{**asdict(source), "retrieved": time_text(source.retrieved)} for source in told.sources],
        "clock": told.clock,
        "sha256": told.digest,
        "findings": each.findings,
        "fault": None,
    }
