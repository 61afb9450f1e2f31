"""Stored book updates played back into a book: where it breaks, and why.

The builder of `halfspread.datafeeds.books` checks each message: sequence unbroken, no crossed or locked book, no
unknown level. Each reason is a warning with its gaps: a backtest has no book there. Before the first snapshot there
is none either, which is a note. On generated updates no book breaks.
"""

from __future__ import annotations

from typing import Any

from halfspread.datafeeds.books import book_kernels
from halfspread.datafeeds.books.builder import REASONS, BookBuilder, BookGap
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.gaps import length_text
from halfspread.datafeeds.quality.places import Places, many
from halfspread.datafeeds.quality.subject import Subject
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import time_text

__all__ = ["replay"]

_NOT_STARTED = REASONS[book_kernels.NOT_STARTED]


def replay(store: Store, subject: Subject) -> tuple[str, list[Finding]]:
    """What was replayed, in words, and what was found. Raises DataError for rows that are no book updates."""
    import pyarrow as pa

    builder = BookBuilder(1, every="1h")  # what is checked does not depend on what is shown
    gaps: list[BookGap] = []
    messages = 0
    for batch in store.batches(subject.series, subject.start, subject.end):
        built = builder.feed(_plain(pa.Table.from_batches([batch])))
        gaps += built.gaps
        messages += built.counts["messages"]
    built = builder.finish()
    messages += built.counts["messages"]
    return f"{many(messages, 'message')} played back", _findings([*gaps, *built.gaps])


def _plain(table: Any) -> Any:
    """The rows with times as whole numbers, without columns that hold nothing."""
    import pyarrow as pa

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count < table.num_rows:
            columns[name] = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    return pa.table(columns)


def _findings(gaps: list[BookGap]) -> list[Finding]:
    found: list[Finding] = []
    for reason in dict.fromkeys(gap.reason for gap in gaps):
        places = Places()
        for gap in gaps:
            if gap.reason == reason:
                length = length_text(gap.end - gap.start)
                text = f"no book from {time_text(gap.start)} for {length}, since message {gap.message:,}"
                places.one(gap.start, max(gap.end, gap.start + 1), text, float(gap.end - gap.start))
        lost = sum(gap.end - gap.start for gap in gaps if gap.reason == reason)
        words = f"{many(places.count, 'gap')} in the book, {length_text(lost)} together: {reason}"
        found += places.finding("book", "note" if reason == _NOT_STARTED else "warning", words)
    return found
