"""New rows beside those that a partition has: equal ones are counted, different ones refused by name or put in place.

Rows of a kind with a key are told apart by it: two that have one key must be equal, and where one of them lacks a value
that may be left out, the other's is kept. Rows of events have no key: over a span that was covered before, all of them
must be what is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from halfspread.datafeeds.store.columns import aligned, times_of, without_empty
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.parquet_files import Origin
from halfspread.datafeeds.store.series import Provenance
from halfspread.datafeeds.store.spans import Spans, shared, united, without
from halfspread.engine.times import Integers, time_text
from halfspread.errors import DataError

__all__ = ["Counts", "Merged", "Part", "merge", "without_duplicates"]


@dataclass
class Counts:
    """Rows of a write: ``added``; ``same``: were there before; ``filled``: were there and lacked a value;
    ``duplicates``: stood twice among the new ones; ``removed``: old ones that were replaced."""

    added: int = 0
    same: int = 0
    filled: int = 0
    duplicates: int = 0
    removed: int = 0

    def add(self, other: Counts) -> None:
        """Count those of another part too."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Merged:
    """What a partition holds after a write, and whether that differs from before."""

    table: pa.Table
    origins: tuple[Origin, ...]
    counts: Counts
    changed: bool


@dataclass(frozen=True)
class Part:
    """Rows of one partition with where they came from."""

    table: pa.Table
    origins: tuple[Origin, ...]

    @property
    def covered(self) -> Spans:
        """Spans that it holds all rows of."""
        return united(span for origin in self.origins for span in origin.spans)

    def sources(self, time: int) -> str:
        """Where the row of this time came from, in words."""
        found = [o.provenance for o in self.origins if any(start <= time < end for start, end in o.spans)]
        return " and ".join(_named(each) for each in found) or "an unknown source"


def _named(provenance: Provenance) -> str:
    return f"{provenance.source} ({time_text(provenance.retrieved)})"


def without_duplicates(table: pa.Table, what: str) -> tuple[pa.Table, int]:
    """Rows sorted by key (``ts``), each once, and how many were left out because they stood there before. Raises
    DataError where two rows of one time differ."""
    times = times_of(table)
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        table, times = table.take(order), times[order]
    again = np.flatnonzero(np.diff(times) == 0) + 1
    if not len(again):
        return table, 0
    found = _first_difference(table.take(again - 1), table.take(again), table.column_names)
    if found is not None:
        row, column, before, after = found
        raise DataError(
            f"{what}: row of {time_text(times[again[row]])}: column {column}: expected one row of each time, got two, "
            f"with {before} and {after}; leave one of them out"
        )
    keep = np.ones(len(times), bool)
    keep[again] = False
    return table.filter(pa.array(keep)), len(again)


def merge(kind: Kind, old: Part | None, new: Part, replace: bool, what: str) -> Merged:
    """What a partition holds when ``new``, rows of one source that cover its spans, come to the ``old`` ones. Raises
    DataError where they contradict each other and ``replace`` is not given."""
    if old is None:
        return Merged(_trimmed(kind, new.table), new.origins, Counts(added=new.table.num_rows), True)
    names = set(old.table.column_names) | set(new.table.column_names)
    old = Part(aligned(kind, old.table, names), old.origins)
    new = Part(aligned(kind, new.table, names), new.origins)
    if replace:
        return _replaced(kind, old, new)
    return _merged_by_key(kind, old, new, what) if kind.key else _merged_events(kind, old, new, what)


def _merged_by_key(kind: Kind, old: Part, new: Part, what: str) -> Merged:
    before, after = times_of(old.table), times_of(new.table)
    _, at_old, at_new = np.intersect1d(before, after, assume_unique=True, return_indices=True)
    optional = [column.name for column in kind.columns if not column.required]
    there, here = old.table.take(at_old), new.table.take(at_new)
    _refuse(_first_difference(there, here, new.table.column_names, optional), after[at_new], old, what)
    columns, filled = {}, np.zeros(len(at_old), bool)
    for name in old.table.column_names:
        columns[name] = old.table.column(name).combine_chunks()
        if name in optional:
            lacking = there.column(name).is_null().to_numpy() & here.column(name).is_valid().to_numpy()
            if lacking.any():
                columns[name] = _put(columns[name], at_old[lacking], here.column(name).filter(pa.array(lacking)))
                filled |= lacking
    fresh = np.ones(len(after), bool)
    fresh[at_new] = False
    counts = Counts(int(fresh.sum()), len(at_old) - int(filled.sum()), int(filled.sum()))
    told = np.concatenate([after[fresh], after[at_new][filled]])
    spans = united([*without(new.covered, old.covered), *((int(t), int(t) + max(kind.interval, 1)) for t in told)])
    table = _sorted(pa.concat_tables([pa.table(columns, old.table.schema), new.table.filter(pa.array(fresh))]))
    return Merged(_trimmed(kind, table), _with(old.origins, new, spans), counts, bool(spans))


def _merged_events(kind: Kind, old: Part, new: Part, what: str) -> Merged:
    before, after = times_of(old.table), times_of(new.table)
    both = shared(old.covered, new.covered)
    fresh = np.ones(len(after), bool)
    for start, end in both:
        there, here = _between(before, start, end), _between(after, start, end)
        fresh[here] = False
        _refuse_events(old, new, there, here, what, _REMEDY if end - start > 1 else _CUT)
    spans = without(new.covered, old.covered)
    table = _sorted(pa.concat_tables([old.table, new.table.filter(pa.array(fresh))]))
    counts = Counts(added=int(fresh.sum()), same=int((~fresh).sum()))
    return Merged(_trimmed(kind, table), _with(old.origins, new, spans), counts, bool(spans))


def _refuse_events(old: Part, new: Part, there: slice, here: slice, what: str, remedy: str) -> None:
    """Raise DataError unless these rows of both are equal."""
    was, now = (
        old.table.slice(there.start, there.stop - there.start),
        new.table.slice(here.start, here.stop - here.start),
    )
    count = min(was.num_rows, now.num_rows)
    times = times_of(now)
    found = _first_difference(was.slice(0, count), now.slice(0, count), now.column_names)
    _refuse(found, times, old, what, remedy)
    if was.num_rows != now.num_rows:
        time = int((times_of(was) if was.num_rows > count else times)[count])
        raise DataError(
            f"{what}: over a time that is covered already expected the {was.num_rows} rows that are there, from "
            f"{old.sources(time)}, got {now.num_rows}; the first one more is of {time_text(time)}; {remedy}"
        )


def _replaced(kind: Kind, old: Part, new: Part) -> Merged:
    before = times_of(old.table)
    stays = np.ones(len(before), bool)
    for start, end in new.covered:
        stays[_between(before, start, end)] = False
    gone = old.table.filter(pa.array(~stays))
    if gone.equals(new.table) and not without(new.covered, old.covered):
        return Merged(old.table, old.origins, Counts(same=new.table.num_rows), False)
    table = _sorted(pa.concat_tables([old.table.filter(pa.array(stays)), new.table]))
    origins = tuple(Origin(o.provenance, without(o.spans, new.covered)) for o in old.origins)
    counts = Counts(added=new.table.num_rows, removed=gone.num_rows)
    return Merged(_trimmed(kind, table), _with(origins, new, new.covered), counts, True)


_REMEDY = "ask for replace (--replace) where the new rows are right, or keep the old ones and leave these out"
_CUT = (
    "where the two are parts of one recording that was cut within this time, put them into one file and import that "
    "with --replace; --replace of this one alone takes out the rows of this time that are there"
)


def _refuse(
    found: tuple[int, str, Any, Any] | None, times: Integers, old: Part, what: str, remedy: str = _REMEDY
) -> None:
    if found is not None:
        row, column, before, after = found
        time = int(times[row])
        raise DataError(
            f"{what}: row of {time_text(time)}: column {column}: expected {before} as it is stored, from "
            f"{old.sources(time)}, got {after}; {remedy}"
        )


def _first_difference(
    old: pa.Table, new: pa.Table, names: list[str], optional: list[str] | tuple[str, ...] = ()
) -> tuple[int, str, Any, Any] | None:
    """The first row that differs: its number, column and both values. A null differs from a value, but in ``optional``
    columns."""
    found: tuple[int, str] | None = None
    for name in names:
        a, b = old.column(name), new.column(name)
        bad = pc.fill_null(pc.not_equal(a, b), False).to_numpy()
        if name not in optional:
            bad = bad | (a.is_null().to_numpy() != b.is_null().to_numpy())
        if bad.any() and (found is None or bad.argmax() < found[0]):
            found = int(bad.argmax()), name
    if found is None:
        return None
    row, name = found
    return row, name, _shown(old.column(name)[row]), _shown(new.column(name)[row])


def _shown(value: Any) -> Any:
    if pa.types.is_timestamp(value.type) and value.is_valid:
        return time_text(value.cast(pa.int64()).as_py())
    return "nothing" if not value.is_valid else value.as_py()


def _put(values: pa.Array, places: Any, others: pa.ChunkedArray) -> pa.Array:
    mask = np.zeros(len(values), bool)
    mask[places] = True
    return pc.replace_with_mask(values, pa.array(mask), others.combine_chunks())


def _between(times: Integers, start: int, end: int) -> slice:
    return slice(int(np.searchsorted(times, start)), int(np.searchsorted(times, end)))


def _sorted(table: pa.Table) -> pa.Table:
    times = times_of(table)
    return table if (np.diff(times) >= 0).all() else table.take(np.argsort(times, kind="stable"))


def _trimmed(kind: Kind, table: pa.Table) -> pa.Table:
    """In one piece, without columns that hold nothing and may be left out."""
    return without_empty(kind, table.combine_chunks())


def _with(origins: tuple[Origin, ...], new: Part, spans: Spans) -> tuple[Origin, ...]:
    """Origins with those of new rows, each provenance once."""
    found = {origin.provenance: origin.spans for origin in origins if origin.spans}
    for origin in new.origins:
        mine = united([*found.get(origin.provenance, ()), *shared(origin.spans, spans)])
        if mine:
            found[origin.provenance] = mine
    return tuple(Origin(provenance, spans) for provenance, spans in found.items())
