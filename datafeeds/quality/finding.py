"""What a check found: how bad it is, where, how often, in words, with examples.

Times are int64 ns UTC, spans half-open. A finding is a frozen value that JSON can hold, and stands beside the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["SEVERITIES", "Example", "Finding", "Severity", "worst"]

Severity = Literal["error", "warning", "note"]

#: From the worst down. error: the data cannot be true, or are not what they say; warning: a backtest may be misled;
#: note: true of the market, and good to know.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

_FIELDS = ("check", "severity", "start", "end", "count", "message")


@dataclass(frozen=True)
class Example:
    """One place: from ``start`` to ``end`` (ns UTC), and what is there."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """``count`` places between ``start`` and ``end`` (ns UTC, half-open) that a check calls ``message``.

    ``examples``: the worst of them, or all, in order of time. ``months``: places by month (``"2020-05"``).
    """

    check: str
    severity: Severity
    start: int
    end: int
    count: int
    message: str
    examples: tuple[Example, ...] = ()
    months: tuple[tuple[str, int], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the examples are all places."""
        return len(self.examples) == self.count

    def text(self) -> str:
        """One line: severity, check, message."""
        return f"{self.severity}: {self.check}: {self.message}"

    def entry(self) -> dict[str, Any]:
        """The finding as JSON values; times as ns since 1970, and the span once more for people."""
        return {
            **{name: getattr(self, name) for name in _FIELDS},
            "span": [time_text(self.start), time_text(self.end)],
            "examples": [{"start": one.start, "end": one.end, "text": one.text} for one in self.examples],
            "months": dict(self.months),
        }

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Finding:
        """The finding that ``entry`` was made of. Raises DataError for anything else."""
        try:
            if entry["severity"] not in SEVERITIES:
                raise ValueError(f"severity: expected {', '.join(SEVERITIES)}, got {entry['severity']!r}")
            examples = tuple(
                Example(int(one["start"]), int(one["end"]), str(one["text"])) for one in entry.get("examples", ())
            )
            months = tuple((str(month), int(count)) for month, count in entry.get("months", {}).items())
            start, end, count = (int(entry[name]) for name in ("start", "end", "count"))
            return cls(
                str(entry["check"]), entry["severity"], start, end, count, str(entry["message"]), examples, months
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"findings: expected what `halfspread data check` wrote, got {entry!r} ({error}); run it again"
            ) from None


def worst(findings: list[Finding] | tuple[Finding, ...]) -> Severity | None:
    """The worst severity among them; None where there are none."""
    return next((severity for severity in SEVERITIES if any(one.severity == severity for one in findings)), None)
