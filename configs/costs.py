"""The costs of a run as a config has them: measured delays are named by their file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from halfspread.configs.fields import file_at
from halfspread.configs.places import Places
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.model import Costs
from halfspread.engine.tables import Table, numbers, read_table
from halfspread.engine.times import Integers, to_nanoseconds
from halfspread.errors import ConfigError, DataError, UserError

__all__ = ["CostsTable", "DelayTable", "LatencyTable", "build_costs", "delay_files"]

MESSAGES = ("order", "response", "feed")
_SCALES = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


class DelayTable(Delay):
    """A delay as a table; kinds empirical and recorded may name a file of delays."""

    kind: Literal["none", "fixed", "lognormal", "normal", "empirical", "recorded"] = "fixed"
    file: str | None = Field(default=None, description="file of measured delays (kinds empirical and recorded)")
    time_column: str = Field(default="ts", description="its column of times (kind recorded)")
    delay_column: str = Field(default="delay", description="its column of delays")
    delay_unit: Literal["ns", "us", "ms", "s"] = Field(default="ns", description="unit of its delays")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.file is None:
            if self.kind in ("empirical", "recorded") and not (self.samples_ns or self.delays_ns):
                raise ValueError(f"file: kind {self.kind!r} needs a file of delays")
            _bare(self)
            return self
        if self.kind not in ("empirical", "recorded"):
            raise ValueError(f"file: is for kinds 'empirical' and 'recorded', got kind {self.kind!r}")
        if self.samples_ns or self.times_ns or self.delays_ns:
            raise ValueError("file: give a file of delays or the delays themselves, not both")
        return self

    def build(self, folder: Path, where: str) -> Delay:
        """The delay, its file read. Raises ConfigError or DataError that name ``where``."""
        if self.file is None:
            return _bare(self)
        path = file_at(self.file, folder, where)
        table, name = read_table(path, [self.time_column, self.delay_column])
        wanted = [self.time_column, self.delay_column][self.kind == "empirical" :]
        missing = [column for column in wanted if table.get(column) is None]
        if missing:
            raise DataError(f"{where}: {name}: missing column(s) {', '.join(missing)}; found {', '.join(table)}")
        try:
            if self.kind == "empirical":
                return Delay.empirical(self._delays(table, name, np.arange(len(table[self.delay_column]))))
            times = to_nanoseconds(table[self.time_column], f"{name}: column {self.time_column}")
            return Delay.recorded(times, self._delays(table, name, times))
        except UserError as error:
            raise type(error)(f"{where}: {error}") from None

    def _delays(self, table: Table, name: str, times: Integers) -> Integers:
        delays = numbers(table[self.delay_column], name, self.delay_column, times)
        bad = np.flatnonzero(~np.isfinite(delays))
        if len(bad):
            raise DataError(f"{name}: row {bad[0]}: column {self.delay_column}: expected a delay, got {delays[bad[0]]}")
        return np.asarray(np.rint(delays * _SCALES[self.delay_unit]), np.int64)


def _bare(table: Delay) -> Delay:
    """The same delay without what a file needs. Raises ValueError for terms that do not fit together."""
    try:
        return Delay(**{name: getattr(table, name) for name in Delay.model_fields})
    except ConfigError as error:
        raise ValueError(str(error).removeprefix("Delay: ")) from None


class LatencyTable(Latency):
    """How long messages take: order, response (left out: like order) and feed."""

    order: DelayTable = Field(default_factory=lambda: DelayTable(kind="none"), description="to the exchange")
    response: DelayTable = Field(default_factory=lambda: DelayTable(kind="none"), description="back to the agent")
    feed: DelayTable = Field(
        default_factory=lambda: DelayTable(kind="none"), description="of market data without local times"
    )

    @model_validator(mode="before")
    @classmethod
    def _response_like_order(cls, given: Any) -> Any:
        """A fault of the order is told once, not again as one of the response."""
        if isinstance(given, dict) and given.get("response") is None and "order" in given:
            with suppress(ValidationError):
                DelayTable.model_validate(given["order"], strict=True)
                return {**given, "response": given["order"]}
        return given


class CostsTable(Costs):
    """What a trader pays; a cost is never left out silently."""

    latency: LatencyTable = Field(default_factory=LatencyTable, description="how long messages take; left out: none")


def delay_files(costs: CostsTable, folder: Path, places: Places) -> dict[str, Path]:
    """The files of delays by key. Raises ConfigError for one that is not there."""
    found = {}
    for name in MESSAGES:
        table: DelayTable = getattr(costs.latency, name)
        if table.file is not None:
            key = f"costs.latency.{name}"
            where = f"{places.of(('costs', 'latency', name, 'file'))}: {key}.file"
            found[key] = file_at(table.file, folder, where)
    return found


def build_costs(costs: CostsTable, folder: Path, places: Places) -> Costs:
    """The cost model that a config describes, its files read. Raises ConfigError or DataError."""
    built = {}
    for name in MESSAGES:
        where = f"{places.of(('costs', 'latency', name, 'file'))}: costs.latency.{name}.file"
        built[name] = getattr(costs.latency, name).build(folder, where)
    parts = {name: getattr(costs, name) for name in Costs.model_fields if name != "latency"}
    return Costs(**parts, latency=Latency(**built))
