"""``halfspread data import``: files of other tools into the store, each told what it is and what came of it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from halfspread.commands.progress import Progress
from halfspread.datafeeds.importers.archives import Source, digest_of
from halfspread.datafeeds.importers.imported import Block, Imported
from halfspread.datafeeds.importers.options import Options, parse_size
from halfspread.datafeeds.importers.reading import files_in, read_source
from halfspread.datafeeds.store.places import store_folder
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store, Written
from halfspread.engine.times import DAY, time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["execute"]


@dataclass
class Done:
    """One file that was read, and what was written of it."""

    imported: Imported
    digest: str
    written: dict[Series, Written] = field(default_factory=dict)
    before: bool = False


@dataclass
class Fault:
    """One file that could not be read, or not to its end."""

    file: str
    message: str
    kept: list[str] = field(default_factory=list)


def execute(arguments: Namespace) -> int:
    """Import ``arguments.files``; 2 where one of them could not be."""
    options = _options(arguments)
    store = Store(store_folder(arguments.store))
    done: list[Done] = []
    faults: list[Fault] = []
    progress = Progress(not arguments.json)
    for source in _in_order(arguments.files, options, faults):
        done.extend(_import(source, options, store, arguments.replace, progress, faults))
    checks = [] if getattr(arguments, "no_check", False) else _checked(store, done, progress)
    _say(arguments, store, done, faults, checks)
    return 2 if faults else 0


def _checked(store: Store, done: list[Done], progress: Progress) -> list[Any]:
    """What the checks of quality find in the series that have new rows, kept beside them."""
    from halfspread.commands.data_check import check_and_save

    changed = {series: None for one in done for series, written in one.written.items() if written.files}
    found = []
    with progress.steps("check") as step:
        for series in changed:
            step(str(series))
            found.append(check_and_save(store, series))
    return found


def _options(arguments: Namespace) -> Options:
    """What the command line says. Raises ConfigError."""
    mapping = {}
    for text in arguments.mapping or []:
        ours, equals, theirs = text.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise ConfigError(f"--map: expected OURS=NAME such as ts=Timestamp, got {text!r}")
        mapping[ours.strip()] = theirs.strip()
    size = getattr(arguments, "max_unpacked", None)
    return Options(
        venue=arguments.venue,
        symbol=arguments.symbol,
        kind=arguments.kind,
        format=arguments.format,
        mapping=mapping,
        time_unit=arguments.time_unit,
        time_zone=getattr(arguments, "time_zone", None),
        stamp=arguments.stamp,
        interval=arguments.interval,
        volume=getattr(arguments, "volume", None),
        book=getattr(arguments, "book", None),
        sort=bool(getattr(arguments, "sort", False)),
        max_unpacked=None if size is None else parse_size(str(size)),
    )


def _in_order(files: list[str], options: Options, faults: list[Fault]) -> list[Source]:
    """The files, and those in archives, in order of the time of their first row."""
    found: list[tuple[int, int, Source]] = []
    paths = list(dict.fromkeys(Path(name) for name in files))
    for path in paths:
        try:
            inside = files_in(path, options)
        except DataError as error:
            faults.append(Fault(str(path), str(error)))
            continue
        for source in inside:
            first = 0
            if len(paths) > 1 or len(inside) > 1:
                try:
                    first = min((each.first for each in read_source(source, options, digest="")), default=0)
                except DataError as error:
                    faults.append(Fault(str(source), str(error)))
                    continue
            found.append((first, len(found), source))
    return [source for _, _, source in sorted(found, key=lambda each: each[:2])]


def _import(
    source: Source, options: Options, store: Store, replacing: bool, progress: Progress, faults: list[Fault]
) -> list[Done]:
    """Read one file into the store."""
    finished: list[Done] = []
    with _shown(progress, source) as watched:
        try:
            digest = digest_of(source.path)
            for imported in read_source(watched, options, digest=digest):
                one = Done(imported, digest)
                finished.append(one)
                _write(one, store, replacing)
        except DataError as error:
            kept = [str(series) for one in finished for series, w in one.written.items() if w.files]
            faults.append(Fault(str(source), str(error), kept))
            finished = finished[:-1]
    return finished


def _write(one: Done, store: Store, replacing: bool) -> None:
    """Stream the blocks of a file into the writers of their series."""
    writers: dict[Series, Any] = {}
    ends: dict[Series, int] = {}
    imported = one.imported
    try:
        with ExitStack() as stack:
            for block in imported.blocks:
                if block.series not in writers:
                    before = _imported_before(store, block.series, one.digest)
                    one.before |= before
                    if not before and not replacing:
                        _tell_border(store, block, imported.told)
                    writer = store.writer(block.series, imported.provenance, replace=replacing)
                    writers[block.series] = stack.enter_context(writer)
                store.replace_gaps(block.series, (), block.gaps)  # before the rows behind them
                for rows, span in _runs(block, ends, imported.told):
                    writers[block.series].add(rows, *span)
    finally:
        one.written = {series: writer.written for series, writer in writers.items()}


def _tell_border(store: Store, block: Block, told: list[str]) -> None:
    """Say that a file begins with the very time with which events end that are there: which rows of it are the same
    cannot be seen."""
    series = block.series
    if series.of_kind.key or not block.rows.num_rows or not (store.folder / series.path).is_dir():
        return
    first = int(block.rows.column("ts")[0].value)
    if any(end == first + 1 for _, end in store.covered(series)):
        told.append(
            f"{series}: its first time, {time_text(first)}, is the last one that is stored: equal rows of it are "
            "taken as those that are there; if a recording was cut there, put its parts into one file"
        )


def _runs(block: Block, ends: dict[Series, int], told: list[str]) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The rows of a block with what they cover: a whole day (UTC) without any row of a busy kind did not come in.
    ``ends``: the time of the last row of each series so far."""
    series = block.series
    times = block.rows.column("ts").cast("int64").to_numpy()
    if block.span or series.of_kind.partition != "day" or series.kind == "liquidations" or not len(times):
        yield block.rows, block.span or ()
        return
    before = np.concatenate([[ends.get(series, int(times[0]))], times[:-1]])
    ends[series] = int(times[-1])
    holes = np.flatnonzero(times // DAY - before // DAY > 1)
    for row in holes:
        told.append(
            f"{series}: no rows from {time_text(before[row])} to {time_text(times[row])}: not covered; import that "
            "time too, or say with halfspread data gap why there is none"
        )
    for first, last in pairwise([0, *holes.tolist(), len(times)]):
        if first < last:
            span = (int(times[first]),) if first in holes else ()
            yield block.rows.slice(first, last - first), span


def _imported_before(store: Store, series: Series, digest: str) -> bool:
    """Whether the series holds rows of this very file."""
    if not (store.folder / series.path).is_dir():
        return False
    return any(provenance.digest == digest for provenance in store.summary(series).sources)


@contextmanager
def _shown(progress: Progress, source: Source) -> Iterator[Source]:
    """The file, which moves a bar on a terminal as it is read."""
    size = max(source.path.stat().st_size // 10**6, 1)
    with progress.cells(f"import {source.name}", size, "MB") as report:
        yield replace(source, seen=lambda position: report(min(position // 10**6, size)))


def _say(arguments: Namespace, store: Store, done: list[Done], faults: list[Fault], checks: list[Any]) -> None:
    if arguments.json:
        from halfspread.commands.output import print_json

        entries = [_entry(one, store) for one in done]
        bad = [{"file": fault.file, "message": fault.message, "partly_stored": fault.kept} for fault in faults]
        found = [{"series": str(one.series), "findings": [each.entry() for each in one.findings]} for one in checks]
        print_json({"store": str(store.folder), "files": entries, "faults": bad, "checks": found}, arguments.stdout)
        return
    from halfspread.commands.terminal import without_controls

    for one in done:
        for line in _lines(one, store):
            print(without_controls(line), file=arguments.stdout)
    for one in checks:
        print(without_controls(_findings(one)), file=arguments.stdout)
    for fault in faults:
        kept = f" (whole days or months before it were stored: {', '.join(fault.kept)})" if fault.kept else ""
        print(without_controls(f"error: {fault.message}{kept}"), file=sys.stderr)
    if faults and done:
        total = len(done) + len(faults)
        print(f"{len(done)} of {total} files were imported; mend the others and import them again", file=sys.stderr)


def _findings(one: Any) -> str:
    """What the checks found in a series, in a line."""
    severities = [each.severity for each in one.findings]
    counts = {name: severities.count(name) for name in ("error", "warning", "note")}
    found = ", ".join(f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count)
    shown = f"{found}; halfspread data check {one.series} shows them" if found else "nothing found"
    return f"{one.series}: checked: {shown}"


def _lines(one: Done, store: Store) -> Iterator[str]:
    """What became of a file, for people."""
    imported, tally = one.imported, one.imported.tally
    yield f"{imported.source}: {imported.format}, {tally.read:,} rows"
    if tally.spans:
        first, last = min(a for a, _ in tally.spans.values()), max(b for _, b in tally.spans.values())
        yield f"  times are {imported.clock}: {time_text(first)} to {time_text(last)}"
    for series, written in one.written.items():
        parts = {"new": written.added, "there before": written.same + written.filled, "twice": written.duplicates}
        counts = ", ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "no rows"
        replaced = f", in place of {written.removed:,}" if written.removed else ""
        yield f"  {series}: {counts}{replaced} -> {store.folder / series.path}"
    if one.before and not any(written.added for written in one.written.values()):
        yield "  this very file was imported before: nothing is new"
    for reason, count in tally.left.items():
        yield f"  left out: {count:,} {reason}"
    for sentence in imported.told:
        yield f"  note: {sentence}"


def _entry(one: Done, store: Store) -> dict[str, Any]:
    """What became of a file, as JSON."""
    imported, tally = one.imported, one.imported.tally
    return {
        "file": str(imported.source.path),
        "member": imported.source.member or None,
        "sha256": one.digest,
        "format": imported.format,
        "times": imported.clock,
        "rows_read": tally.read,
        "left_out": dict(tally.left),
        "notes": imported.told,
        "imported_before": one.before and not any(written.added for written in one.written.values()),
        "series": [
            {
                "series": str(series),
                "venue": series.venue,
                "symbol": series.symbol,
                "kind": series.kind,
                "rows": tally.kept[series],
                "first": time_text(tally.spans[series][0]),
                "last": time_text(tally.spans[series][1]),
                "added": written.added,
                "same": written.same + written.filled,
                "duplicates": written.duplicates,
                "removed": written.removed,
                "folder": str(store.folder / series.path),
            }
            for series, written in one.written.items()
        ],
    }
