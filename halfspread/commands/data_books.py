"""``halfspread data books``: order-book snapshots out of the book updates in the store."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from halfspread.commands.output import print_json
from halfspread.commands.progress import Progress
from halfspread.datafeeds.store.places import store_folder

if TYPE_CHECKING:
    from halfspread.datafeeds.books.stored import StoredBooks

__all__ = ["execute"]

_SHOWN = 10


def execute(arguments: Namespace) -> int:
    """Build ``arguments.levels`` levels of a contract, every ``arguments.every``, from ``start`` to ``end``."""
    from halfspread.datafeeds.books.stored import build_stored
    from halfspread.datafeeds.store.store import Store
    from halfspread.engine.times import parse_time

    bounds: dict[str, Any] = {}
    for name, option in (("start", "--from"), ("end", "--to")):
        given = getattr(arguments, name)
        bounds[name] = None if given is None else parse_time(given, option)
    with Progress(not arguments.json).step(f"books of {arguments.venue} {arguments.symbol}"):
        found = build_stored(
            Store(store_folder(arguments.store)),
            arguments.venue,
            arguments.symbol,
            arguments.levels,
            arguments.every,
            replace=arguments.replace,
            **bounds,
        )
    if arguments.json:
        print_json(_plain(found), arguments.stdout)
    else:
        _show(found)
    return 0


def _plain(found: StoredBooks) -> dict[str, Any]:
    from halfspread.engine.times import time_text

    return {
        "series": str(found.series),
        "snapshots": {"added": found.written.added, "same": found.written.same, "removed": found.written.removed},
        "covered": [{"start": time_text(start), "end": time_text(end)} for start, end in found.spans],
        "counts": found.counts,
        "gaps_withdrawn": found.withdrawn,
        "gaps": [
            {"start": time_text(gap.start), "end": time_text(gap.end), "reason": gap.reason, "message": gap.message}
            for gap in found.gaps
        ],
    }


def _show(found: StoredBooks) -> None:
    """Three lines and the first gaps, as the other commands about data."""
    from halfspread.commands.terminal import without_controls
    from halfspread.engine.times import time_text

    written = found.written
    before = f", {written.same + written.removed:,} were there" if written.same or written.removed else ""
    told = [f"{number:,} {name.replace('_', ' ')}" for name, number in found.counts.items() if number]
    lines = [
        f"{found.series}: {written.added:,} snapshots written{before}",
        f"from {time_text(found.spans[0][0])} to {time_text(found.spans[-1][1])}: {', '.join(told) or 'no messages'}",
    ]
    lines += [
        f"no book from {time_text(gap.start)} to {time_text(gap.end)}: {gap.reason}" for gap in found.gaps[:_SHOWN]
    ]
    if len(found.gaps) > _SHOWN:
        lines.append(f"and {len(found.gaps) - _SHOWN} gaps more: halfspread data ls {found.series}")
    if found.withdrawn:
        lines.append(f"gaps of an earlier build that do not hold for these books, withdrawn: {found.withdrawn:,}")
    for line in lines:
        print(without_controls(line))
