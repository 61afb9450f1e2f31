"""`Result`: what a backtest left behind, with the means to look at it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from halfspread.engine.result import BacktestResult
from halfspread.errors import ConfigError
from halfspread.reports import formats
from halfspread.reports.benchmark import Benchmark
from halfspread.reports.certainty import shortage
from halfspread.reports.clock import by_hour, by_weekday
from halfspread.reports.daily import daily, table_one
from halfspread.reports.files import atomic_write_text
from halfspread.reports.measured import Measured
from halfspread.reports.monthly import monthly
from halfspread.reports.rolling import rolling
from halfspread.reports.timing import Timing, find_timings, timing
from halfspread.reports.unsaid import unsaid

if TYPE_CHECKING:
    from halfspread.reports.proof_section import Proof
    from halfspread.reports.statistics.intervals import Intervals

__all__ = ["Result"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Result(BacktestResult):
    """A `BacktestResult` with its tables, metrics and report.

    ``seed``: of the run, from which its intervals are drawn too. ``looks_ahead``: the agent knows the future, so that
    its numbers are a bound. ``benchmark``: what the information ratio and all that goes with it are measured against,
    zero where None; see `against`.
    """

    seed: int = 0
    looks_ahead: bool = False
    benchmark: Benchmark | None = None

    @classmethod
    def of(cls, result: BacktestResult, *, seed: int | None = None, looks_ahead: bool | None = None) -> Result:
        """The same result with the means to look at it; arrays are shared, not copied. What is None is as in
        ``result``, where it knows it."""
        kept = {field.name: getattr(result, field.name) for field in dataclasses.fields(BacktestResult)}
        kept["seed"] = getattr(result, "seed", 0) if seed is None else seed
        kept["looks_ahead"] = getattr(result, "looks_ahead", False) if looks_ahead is None else looks_ahead
        kept["benchmark"] = getattr(result, "benchmark", None)
        return cls(**kept)

    def against(self, benchmark: Benchmark | BacktestResult | None) -> Result:
        """The same result measured against ``benchmark`` (a `Benchmark`, or the result of another agent), or against
        zero (None); this one stays as it is. The engine knows nothing of it.

        Raises DataError where the benchmark does not have every day of the run.
        """
        if benchmark is not None and not isinstance(benchmark, Benchmark):
            if not isinstance(benchmark, BacktestResult):
                raise ConfigError(
                    f"benchmark: expected a Benchmark, a result or None, got {type(benchmark).__name__}; a series of "
                    "days is read by hs.Benchmark.read(series, values='returns')"
                )
            benchmark = Benchmark.agent(benchmark)
        assumptions = {topic: words for topic, words in self.assumptions.items() if topic != "benchmark"}
        if benchmark is not None:
            benchmark.over(pd.DatetimeIndex(daily(dataclasses.replace(self, benchmark=None)).index))
            assumptions["benchmark"] = f"{benchmark.name}: {benchmark.words}"
        return dataclasses.replace(self, benchmark=benchmark, assumptions=assumptions)

    @cached_property
    def measured(self) -> Measured:
        """Days, round trips and metrics, computed at the first use and shared by everything that shows them."""
        return Measured.of(self)

    @property
    def metrics(self) -> dict[str, float | int | str]:
        """Headline numbers by name; see `halfspread.reports.metrics.measure`. NaN where one cannot be computed."""
        return dict(self.measured.metrics)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a metric is NaN, by its name: too few days, with the number needed, or nothing to compute it from; also
        why there are no ``intervals``."""
        few = shortage(len(self.measured.days))
        return unsaid(self.measured.metrics) | ({"intervals": few} if few else {})

    @property
    def intervals(self) -> Intervals | None:
        """How sure each figure is: 95 % intervals of the stationary block bootstrap, 1,000 resamples drawn from the
        seed of the run, computed at the first use; None with fewer than 60 days. See docs/statistics.md."""
        return self.measured.intervals

    @cached_property
    def timings(self) -> dict[str, Timing | str]:
        """By name of the instrument what `timing` finds, or why there is no test; computed at the first use."""
        return find_timings(self)

    def timing(self, instrument: str | None = None) -> Timing:
        """Did the agent hold its position at the right times? The p-value against the same position shifted in time, of
        one instrument, see docs/statistics.md. Raises DataError where that cannot be tested, with the reason."""
        return timing(self, instrument)

    def rolling(self, window: int = 90) -> pd.DataFrame:
        """Return, volatility, ratio and cost per turnover over the last ``window`` days, by day."""
        return rolling(self.measured.days, window)

    def by_hour(self) -> pd.DataFrame:
        """PnL, costs and turnover by the hour of the day (UTC); empty where the run was not recorded by the hour."""
        return by_hour(self, self.measured.days)

    def by_weekday(self) -> pd.DataFrame:
        """PnL, costs and turnover by the day of the week (UTC)."""
        return by_weekday(self, self.measured.days)

    def daily(self) -> pd.DataFrame:
        """One row per UTC day in units of the notional: position, execution, carry, price, pnl ...; see `daily`."""
        return self.measured.days.copy()

    def table_one(self) -> pd.DataFrame:
        """Table I of the ESN-RRL paper over the days."""
        return table_one(self.measured.days)

    def trades(self) -> pd.DataFrame:
        """One row per round trip."""
        return self.measured.trips.copy()

    def monthly(self) -> pd.DataFrame:
        """Year x month table of returns on constant notional."""
        return monthly(self.measured.days)

    def summary(self) -> str:
        """Headline, attribution and terms as text for 100 columns, ending with a newline."""
        from halfspread.reports.text import plain, summary_table

        return plain(summary_table(self))

    def report(
        self,
        path: str | os.PathLike[str],
        manifest: Mapping[str, object] | None = None,
        proof: Proof | None = None,
    ) -> Path:
        """Write the self-contained HTML page to ``path`` in one step and return the path.

        ``manifest`` (config, data hashes, versions) is shown as the provenance, ``proof`` as what was audited and how
        to repeat it. Raises `UserError` where writing fails.
        """
        from halfspread.reports.html import run_page

        return atomic_write_text(path, run_page(self, manifest, proof))

    def __repr__(self) -> str:
        m = self.metrics
        ratio = float(m["information_ratio"])
        against = "" if self.benchmark is None else f" against {self.benchmark.name}"
        known = f"IR {formats.number(ratio)}{against}, " if math.isfinite(ratio) else ""
        return (
            f"Result({self.name!r}, {formats.span(self.start, self.end)}: "
            f"net {formats.returned(self.total_return, sign=True)} of {self.notional:,.10g} {self.report_currency}, "
            f"{known}{m['fills']:,} fills)"
        )

    def _repr_html_(self) -> str:
        """A few lines for a notebook; the whole page is `report`."""
        from halfspread.reports.svg import element, text

        return element("pre", text(self.summary()), style="line-height: 1.3")
