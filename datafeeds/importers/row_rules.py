"""What is done with rows that lack something: left out and counted where that is known to be no loss, refused
otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.imported import Tally, kept_rows
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import Kind
from halfspread.errors import DataError

__all__ = ["Rules"]

_LEFT = {
    "quotes": (("bid", "ask"), "quotes with one side only"),
    "funding": (("rate",), "settlements without a rate"),
}


@dataclass(frozen=True)
class Rules:
    """The rules of a kind."""

    kind: Kind
    what: str

    def applied(self, rows: dict[str, Any], where: Where, tally: Tally) -> dict[str, Any]:
        """The rows that stay. Raises DataError for a value that is missing where one is needed."""
        missing = {
            column.name: ~rows[column.name].is_valid().to_numpy(zero_copy_only=False)
            for column in self.kind.columns
            if column.required and column.name in rows and rows[column.name].null_count
        }
        keep = self._kept(rows, missing, tally)
        for name, gone in missing.items():
            bad = gone & keep if not self.kind.levels else gone & (name == "ts")
            if bad.any():
                row = int(bad.argmax())
                raise DataError(
                    f"{where.at(row)}: column {name}: expected a value, got none; leave the row out, or give the value"
                )
        return kept_rows(rows, keep)

    def _kept(self, rows: dict[str, Any], missing: dict[str, Any], tally: Tally) -> Any:
        count = len(rows["ts"])
        keep = np.ones(count, bool)
        prices = [name for name in ("open", "high", "low", "close") if name in self.kind.names]
        if prices:
            empty = np.logical_and.reduce([missing.get(name, np.zeros(count, bool)) for name in prices])
            tally.leave("bars without prices", int(empty.sum()))
            keep &= ~empty
        if self.kind.name in _LEFT:
            names, reason = _LEFT[self.kind.name]
            empty = np.logical_or.reduce([missing.get(name, np.zeros(count, bool)) for name in names])
            tally.leave(reason, int(empty.sum()))
            keep &= ~empty
        if self.kind.name in ("trades", "liquidations"):
            nothing = rows["size"].fill_null(1.0).to_numpy() == 0
            tally.leave(f"{self.kind.name} of size 0", int(nothing.sum()))
            keep &= ~nothing
        return keep
