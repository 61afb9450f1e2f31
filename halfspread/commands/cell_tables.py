"""The tables of many runs as Parquet files: settings with metrics, and the daily PnL of each. Equal runs give equal
bytes, whatever the worker count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from halfspread.commands.folder import writing
from halfspread.configs.cell_work import DONE, Outcome
from halfspread.configs.cells import Cell

__all__ = [
    "column",
    "column_name",
    "daily_matrix",
    "outcome_columns",
    "write_columns",
    "write_daily",
    "write_returns",
    "write_settings",
]

Floats = np.ndarray[Any, np.dtype[np.float64]]


def column_name(index: int) -> str:
    """Name of a cell's column in the table of returns."""
    return f"cell_{index}"


def daily_matrix(outcomes: Sequence[Outcome]) -> Floats | None:
    """Daily PnL (days, outcomes); None where they ran over different days."""
    first = outcomes[0].days
    if any(not np.array_equal(each.days, first) for each in outcomes[1:]):
        return None
    return np.stack([each.pnl for each in outcomes], axis=1)


def write_settings(path: Path, keys: Sequence[str], cells: Sequence[Cell], outcomes: Sequence[Outcome]) -> None:
    """One row for each cell in order: its number, what it sets, and the columns of `outcome_columns`. Raises
    UserError."""
    settings = [cell.parameters for cell in cells]
    columns: dict[str, Any] = {"cell": pa.array([cell.index for cell in cells], pa.int64())}
    columns |= {key: column([each.get(key) for each in settings]) for key in keys}
    write_columns(path, columns | outcome_columns(outcomes))


def outcome_columns(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """State, reason, metrics, and attribution in units of the notional (``attribution_...``); empty where an outcome
    has none. One at least is done."""
    columns: dict[str, Any] = {"state": pa.array([each.state for each in outcomes])}
    columns["reason"] = pa.array([each.message or None for each in outcomes], pa.string())
    done = next(each for each in outcomes if each.state == DONE)
    for name in done.metrics:
        columns[name] = column([each.metrics.get(name) for each in outcomes])
    for name in done.attribution:
        columns[f"attribution_{name}"] = column([each.attribution.get(name) for each in outcomes])
    return columns


def column(values: Sequence[Any]) -> Any:
    """Whole numbers, numbers, truths or texts; what is mixed is written as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds != {int}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if len(kinds) == 1 and kinds <= {int, bool, str}:
        return pa.array(values)
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def write_returns(path: Path, outcomes: Sequence[Outcome]) -> None:
    """One row for each day (``day``, UTC), one column ``cell_N`` for each cell that is done: PnL in units of the
    notional; empty on days that a cell did not run over. Raises UserError."""
    done = [each for each in outcomes if each.state == DONE]
    write_daily(path, [(column_name(each.index), each.days, each.pnl) for each in done])


def write_daily(path: Path, named: Sequence[tuple[str, Any, Floats]]) -> None:
    """One row for each day (``day``, UTC) and a column for each of ``named``: its name, its days (midnights, ns), a
    value for each; empty on days that it does not have. Raises UserError."""
    days = np.unique(np.concatenate([each for _, each, _ in named]))
    columns: dict[str, Any] = {"day": pa.array(days.astype("datetime64[ns]"), pa.timestamp("ns", tz="UTC"))}
    for name, own, values in named:
        if len(own) == len(days):
            columns[name] = pa.array(values)
            continue
        whole = np.full(len(days), np.nan)
        whole[np.searchsorted(days, own)] = values
        columns[name] = pa.array(whole, mask=np.isnan(whole))
    write_columns(path, columns)


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """A table of columns by name. Raises UserError."""
    with writing(path):
        pq.write_table(pa.table(dict(columns)), path, compression="zstd", use_dictionary=False, write_statistics=False)
