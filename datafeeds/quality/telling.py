"""What is known of the quality of stored data, in sentences for the report of a backtest that uses them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from halfspread.datafeeds.quality.finding import SEVERITIES, Finding, Severity
from halfspread.datafeeds.quality.places import month_names
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store

__all__ = ["findings_in", "overlapping", "sentences"]


def findings_in(
    store: Store,
    series: Series,
    start: int | None = None,
    end: int | None = None,
    severities: Sequence[Severity] = ("error", "warning"),
) -> list[str]:
    """One sentence for each saved finding that falls into [start, end) (ns UTC; None: all), the worst first; one that
    says so where the rows were not checked since they were written. Raises DataError."""
    saved = store.findings(series)
    if saved is None:
        return [f"{series}: not checked; `halfspread data check {series}` does"]
    return sentences(series, map(Finding.of, saved), start, end, severities)


def sentences(
    series: Series,
    findings: Iterable[Finding],
    start: int | None = None,
    end: int | None = None,
    severities: Sequence[Severity] = ("error", "warning"),
) -> list[str]:
    """`findings_in` of findings at hand."""
    told = []
    for finding in findings:
        span = (finding.start if start is None else start, finding.end if end is None else end)
        count, about, first = overlapping(finding, *span)
        if not count or finding.severity not in severities:
            continue
        text = f"{series}: {finding.check} ({finding.severity}): {finding.message}"
        if count < finding.count:
            text += f"; of these {'about ' if about else ''}{count:,} in the time of the run"
            text += f", such as: {first}" if first else ""
        told.append((SEVERITIES.index(finding.severity), text))
    return [text for _, text in sorted(told, key=lambda each: each[0])]


def overlapping(finding: Finding, start: int, end: int) -> tuple[int, bool, str]:
    """How many places of a finding fall into [start, end), whether that is counted by whole months, and the first
    example there."""
    if finding.end <= start or finding.start >= end:
        return 0, False, ""
    if start <= finding.start and finding.end <= end:
        return finding.count, False, finding.examples[0].text if finding.examples else ""
    here = [one for one in finding.examples if one.start < end and one.end > start]
    first = here[0].text if here else ""
    if finding.complete:
        return len(here), False, first
    if not finding.months:
        return finding.count, False, first
    names = set(month_names(start, end))
    return max(len(here), sum(count for month, count in finding.months if month in names)), True, first
