"""Where a table of quotes, books or trades has its times, and what is done about rows that cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

from halfspread.engine.tables import Table
from halfspread.engine.times import Integers, to_nanoseconds
from halfspread.errors import DataError

__all__ = ["TableFormat"]

_CHOICES = {"invalid": ("error", "gap"), "clock": ("error", "shift", "exchange"), "order": ("error", "sort")}


@dataclass(frozen=True)
class TableFormat:
    """Names and unit of the columns of times, and what to do about faults; each fault is an error unless said here.

    ``time_column``: local times, at which rows were received; the only times of a table without ``exchange_column``.
    ``time_unit``: of both, where they are numbers: s, ms, us or ns.

    - ``invalid="gap"``: a row that cannot be a market (crossed, empty, ...) is left out and counted, and there is no
      market from its time until the next good row.
    - ``clock="shift"``: where local times run before exchange times, a constant is added to all of them so that the
      smallest latency is ``base_latency`` nanoseconds; ``clock="exchange"``: local times are not used.
    - ``order="sort"``: rows are sorted by exchange time, and the local time of each is at least that of all before it.

    Raises DataError for terms that are not possible.
    """

    time_column: str = "ts"
    exchange_column: str = "exch_ts"
    time_unit: str = "ns"
    invalid: str = "error"
    clock: str = "error"
    order: str = "error"
    base_latency: int = 0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise DataError(f"{name}: expected {' or '.join(map(repr, choices))}, got {value!r}")
        if type(self.base_latency) is not int or self.base_latency < 0:
            raise DataError(f"base_latency: expected whole nanoseconds, zero or more, got {self.base_latency!r}")
        if self.base_latency and self.clock != "shift":
            raise DataError(
                f"base_latency: needs clock='shift', got clock={self.clock!r}; a feed latency is a cost model"
            )

    @property
    def time_columns(self) -> list[str]:
        """Columns of times to read, the local one first."""
        return list(dict.fromkeys([self.time_column, self.exchange_column]))

    def check_columns(self, table: Table, what: str) -> None:
        """Raise DataError where the table has no column of times."""
        if self.time_column not in table:
            raise DataError(
                f"{what}: missing column {self.time_column} of times; found {', '.join(table) or 'none'}. Name it with "
                "time_column= (and the one of exchange times, where there is one, with exchange_column=)"
            )

    def stamps(self, table: Table, what: str, first_row: int = 0) -> tuple[Integers, Integers | None]:
        """(exchange times, local times) of a block of the table, as they stand there; local is None where there are no
        times but one, and where ``clock="exchange"``. ``first_row``: its number, for messages. Raises DataError."""
        both = self.exchange_column in table and self.exchange_column != self.time_column
        times = self._column(table, self.exchange_column if both else self.time_column, what, first_row)
        if not both or self.clock == "exchange":
            return times, None
        local = self._column(table, self.time_column, what, first_row)
        if len(local) != len(times):
            raise DataError(
                f"{what}: expected as many values in {self.time_column} as in {self.exchange_column}, got {len(local)} "
                f"and {len(times)}"
            )
        return times, local

    def _column(self, table: Table, name: str, what: str, first_row: int) -> Integers:
        return to_nanoseconds(table[name], f"{what}: column {name}", self.time_unit, first_row)
