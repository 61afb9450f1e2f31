"""What the information ratio is measured against: a daily series, the price held, or another agent of the config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from halfspread.configs.fields import Label, Section, file_at
from halfspread.configs.places import Places
from halfspread.errors import UserError

if TYPE_CHECKING:
    from halfspread.reports.benchmark import Benchmark

__all__ = ["BenchmarkTable", "bare_benchmark", "benchmark_file", "read_benchmark"]

_KINDS = ("path", "hold", "agent")
_OF_FILES = ("values", "column", "unit", "time_column", "time_unit", "stamp", "name")


class BenchmarkTable(Section):
    """What the information ratio and all that goes with it are measured against, instead of zero: path, hold or
    agent."""

    path: str | None = Field(default=None, description="Parquet or CSV file of one row a UTC day")
    hold: Literal[True] | str | None = Field(
        default=None,
        description="true: the price of the instrument held at the notional, set back to it each midnight, without "
        "costs or funding; of several instruments the name of one",
    )
    agent: Label | None = Field(default=None, description="name of an agent of this config: its net PnL (compare)")
    values: Literal["returns", "prices"] | None = Field(
        default=None, description="what the file holds: simple returns, or prices that they are made of"
    )
    column: str | None = Field(default=None, description="column of values; left out: return, or close for prices")
    unit: Literal["fraction", "percent"] = Field(default="fraction", description="of returns: 0.01 or 1.0 for 1 %")
    time_column: str | None = Field(default=None, description="column of days; left out: date or ts")
    time_unit: Literal["s", "ms", "us", "ns"] = Field(default="ns", description="unit of times written as integers")
    stamp: Literal["open", "close"] = Field(
        default="open", description="a row is of the UTC day that begins (open) or ends (close) at its midnight"
    )
    name: str | None = Field(
        default=None, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$", description="what tables call it; left out: the file's name"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of path, hold and agent, got {' and '.join(given) or 'none of them'}")
        if self.path is None:
            wrong = [key for key in _OF_FILES if getattr(self, key) != type(self).model_fields[key].default]
            if wrong:
                raise ValueError(f"{wrong[0]}: is for a benchmark from a file (path), and this one has {given[0]}")
        elif self.values is None:
            raise ValueError("values: expected 'returns' or 'prices', what the file of a benchmark holds; got nothing")
        if self.values == "prices" and self.unit != "fraction":
            raise ValueError("unit: is for returns, and the values are prices; leave it out")
        return self


def bare_benchmark(table: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A dumped table without what only a file needs, where it names none; its agent as ``names`` has it now."""
    if "path" in table:
        return table
    kept = {key: value for key, value in table.items() if key in _KINDS}
    return {key: names.get(value, value) if key == "agent" else value for key, value in kept.items()}


def benchmark_file(table: BenchmarkTable | None, folder: Path, places: Places) -> dict[str, Path]:
    """The file of the benchmark as ``benchmark``; empty where there is none. Raises ConfigError for one that is not
    there."""
    if table is None or table.path is None:
        return {}
    return {"benchmark": file_at(table.path, folder, f"{places.of(('benchmark', 'path'))}: benchmark.path")}


def read_benchmark(table: BenchmarkTable | None, folder: Path, places: Places) -> Benchmark | None:
    """The series that a config names by its file; None where it names none. Raises ConfigError or DataError with the
    place in the config."""
    files = benchmark_file(table, folder, places)
    if table is None or table.values is None or not files:
        return None
    from halfspread.reports.benchmark import Benchmark

    terms = {key: getattr(table, key) for key in _OF_FILES if key != "values"}
    try:
        return Benchmark.read(files["benchmark"], values=table.values, **terms)
    except UserError as error:
        raise type(error)(f"{places.of(('benchmark', 'path'))}: {error}") from None
