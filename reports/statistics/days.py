"""What is known of each day, from which every headline figure follows.

Units of the constant notional, one value a day; see `Days`. NaN is refused; a series that is not known is None, and the
figures that need it are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from halfspread.errors import DataError
from halfspread.reports.statistics.series import Floats, active_series, daily_series

__all__ = ["Days"]


@dataclass(frozen=True, eq=False)
class Days:
    """Series of one run, each (days,).

    ``pnl``: net PnL in units of the notional. ``benchmark``: PnL to beat, zero where None. ``price``: PnL of price
    moves alone, before costs and funding. ``cost``: half-spread, fees and impact, positive when paid. ``turnover``:
    value traded. ``exposure``: mean absolute position. ``returns``: returns on account equity, compounded. ``trips``
    and ``winners``: round trips that were closed, and those with a gain. Raises DataError for a series that is not
    finite or covers other days.
    """

    pnl: Floats
    benchmark: Floats | None = None
    price: Floats | None = None
    cost: Floats | None = None
    turnover: Floats | None = None
    exposure: Floats | None = None
    returns: Floats | None = None
    trips: Floats | None = None
    winners: Floats | None = None

    @classmethod
    def of(
        cls,
        pnl: ArrayLike,
        *,
        benchmark: ArrayLike | None = None,
        price: ArrayLike | None = None,
        cost: ArrayLike | None = None,
        turnover: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        returns: ArrayLike | None = None,
        trips: ArrayLike | None = None,
        winners: ArrayLike | None = None,
    ) -> Days:
        """The same from anything that is an array, such as columns of a table of days. Raises DataError."""
        given = {
            "benchmark": benchmark,
            "price": price,
            "cost": cost,
            "turnover": turnover,
            "exposure": exposure,
            "returns": returns,
            "trips": trips,
            "winners": winners,
        }
        return cls(
            daily_series(pnl), **{name: daily_series(one, name) for name, one in given.items() if one is not None}
        )

    def __post_init__(self) -> None:
        for name, values in self.series().items():
            if len(daily_series(values, name)) != len(self.pnl):
                raise DataError(f"{name} has {len(values)} days, the PnL {len(self.pnl)}; give both for the same days")
        for name in ("turnover", "trips", "winners"):
            values = getattr(self, name)
            if values is not None and len(values) and values.min() < 0.0:
                raise DataError(f"{name} must not be negative, got {values.min():g} at row {int(values.argmin())}")

    def __len__(self) -> int:
        return len(self.pnl)

    def series(self) -> dict[str, Floats]:
        """Every series that is known, by name."""
        return {name: values for name, values in vars(self).items() if values is not None}

    @property
    def active(self) -> Floats:
        """PnL less the benchmark's."""
        return active_series(self.pnl, self.benchmark)

    @property
    def gross(self) -> Floats | None:
        """PnL before execution costs, after funding; None where the cost is not known."""
        return None if self.cost is None else np.asarray(self.pnl + self.cost)
