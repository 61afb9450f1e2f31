"""``halfspread data check``: look at stored series, say what is wrong where, and keep it beside the data."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfspread.commands.folder import writing
from halfspread.commands.output import print_json, print_table
from halfspread.commands.progress import Progress
from halfspread.errors import ConfigError, DataError

if TYPE_CHECKING:
    from halfspread.datafeeds.quality.checking import Checked
    from halfspread.datafeeds.store.series import Series
    from halfspread.datafeeds.store.store import Store
    from halfspread.reports.data_view import SeriesView

__all__ = ["FAILED", "check_and_save", "execute"]

#: Exit code where a finding is an error.
FAILED = 1
#: Examples that the terminal shows of each finding.
_SHOWN = 2
_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def execute(arguments: Namespace) -> int:
    """Check what ``arguments.series`` names between ``start`` and ``end``; findings on whole series are kept."""
    from halfspread.datafeeds.store.places import store_folder
    from halfspread.datafeeds.store.store import Store
    from halfspread.engine.times import parse_time

    start = None if arguments.start is None else parse_time(arguments.start, "--from")
    end = None if arguments.end is None else parse_time(arguments.end, "--to")
    if start is not None and end is not None and start >= end:
        raise ConfigError(f"--to: expected a time after --from, got {arguments.start} and {arguments.end}")
    store = Store(store_folder(arguments.store))
    named = _named(store, arguments.series)
    found = []
    with Progress(not arguments.json).steps("check") as step:
        for series in named:
            step(str(series))
            found.append(check_and_save(store, series, start, end))
    if arguments.html:
        _write_page(Path(arguments.html), store, found)
    _print(store, found, arguments)
    return FAILED if any(one.severity == "error" for each in found for one in each.findings) else 0


def check_and_save(store: Store, series: Series, start: int | None = None, end: int | None = None) -> Checked:
    """Check a series, and keep what was found beside it where all of it was looked at. Raises DataError."""
    from halfspread.datafeeds.quality.checking import examine

    found = examine(store, series, start, end)
    if start is None and end is None and not found.damaged:
        store.save_findings(series, [finding.entry() for finding in found.findings])
    return found


def _named(store: Store, name: str | None) -> Sequence[Series]:
    from halfspread.datafeeds.quality.checking import wanted

    found = wanted(store, name)
    if not found:
        there = [str(one) for one in store.series()]
        listed = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "") or "nothing"
        raise DataError(
            f"{store.folder}: expected {name or 'at least one series'}, got a store that holds {listed}; fetch or "
            "import it, or name the folder of another store with --store"
        )
    return found


def _print(store: Store, found: Sequence[Checked], arguments: Namespace) -> None:
    totals = {
        severity: sum(one.severity == severity for each in found for one in each.findings) for severity in _COLOURS
    }
    if arguments.json:
        page = {"page": str(arguments.html)} if arguments.html else {}
        print_json(
            {"store": str(store.folder), **totals, **page, "series": [_object(each) for each in found]},
            arguments.stdout,
        )
        return
    for each in found:
        print_table(_heading(each))
        if each.findings:
            print_table(_table(each))
    words = ", ".join(f"{count:,} {severity}{'' if count == 1 else 's'}" for severity, count in totals.items())
    lines = [f"{len(found):,} series, {sum(each.rows for each in found):,} rows: {words}"]
    if arguments.html:
        lines.append(f"page: {arguments.html}")
    print("\n".join(lines))


def _object(found: Checked) -> dict[str, Any]:
    from halfspread.engine.times import time_text

    subject = found.subject
    return {
        "series": str(found.series),
        "rows": found.rows,
        "start": time_text(subject.start),
        "end": time_text(subject.end),
        "seconds": round(found.seconds, 3),
        "beside": list(found.beside),
        "steps": [dict(each) for each in found.conforming],
        "own_ticks": [{"tick": era.tick, "start": era.start, "end": era.end, "off": era.off} for era in found.eras],
        "findings": [finding.entry() for finding in found.findings],
    }


def _heading(found: Checked) -> Any:
    from rich.text import Text

    beside = "".join(f", {what}" for what in found.beside)
    heading = Text(str(found.series), style="bold")
    heading.append(f": {found.rows:,} rows in {found.seconds:.1f} s{beside}", style="not bold")
    return heading if found.findings else heading.append(": nothing was found", style="not bold green")


def _table(found: Checked) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from halfspread.engine.times import time_text

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("")
    grid.add_column("check")
    grid.add_column("places", justify="right")
    grid.add_column("what", overflow="fold")
    for finding in found.findings:
        words = Text(finding.message)
        for example in finding.examples[:_SHOWN] if finding.count > 1 else ():
            words.append(f"\n  {time_text(example.start)}: {example.text}", style="dim")
        severity = Text(finding.severity, style=_COLOURS[finding.severity])
        grid.add_row(severity, finding.check, f"{finding.count:,}", words)
    return grid


def _write_page(path: Path, store: Store, found: Sequence[Checked]) -> None:
    from halfspread.reports.data_page import data_page

    with writing(path):
        path.write_text(data_page([_view(store, each) for each in found], str(store.folder)), encoding="utf-8")


def _view(store: Store, found: Checked) -> SeriesView:
    from halfspread.datafeeds.quality.jumps import MOVES
    from halfspread.datafeeds.quality.returns import EDGES
    from halfspread.reports.data_view import FindingView, MovesView, Place, SeriesView, StepView

    subject, moves = found.subject, found.returns
    expected = sum((end - start) // subject.interval for start, end in subject.covered) if subject.interval else 0
    return SeriesView(
        str(found.series),
        found.series.of_kind.about,
        found.rows,
        subject.start,
        subject.end,
        [
            FindingView(
                one.check,
                one.severity,
                one.count,
                one.message,
                [Place(each.start, each.end, each.text) for each in one.examples],
                dict(one.months),
            )
            for one in found.findings
        ],
        subject.covered,
        expected,
        [] if found.damaged else [source.source for source in store.summary(found.series).sources][:8],
        found.beside,
        [StepView(**each) for each in found.conforming],
        [StepView("tick", era.tick, era.start, era.end, era.moves, era.off) for era in found.eras],
        None if moves is None else MovesView(EDGES.tolist(), moves.down.tolist(), moves.up.tolist(), MOVES),
        found.seconds,
    )
