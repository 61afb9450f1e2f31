"""What Borrageiro, Firoozye and Barucca (2022) print in their Tables I and II."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MEAN_POSITION", "PRICE", "TABLE_I", "TABLE_II"]

#: Daily rows, 1,684 days; what is left out is not printed there.
TABLE_I: Mapping[str, Mapping[str, float]] = {
    "position": {"mean": 0.405, "std": 0.579, "min": -0.99, "q25": 0.0, "q50": 0.0, "q75": 0.99, "max": 0.99},
    "execution": {"mean": -0.000, "std": 0.001, "min": -0.019, "max": 0.0, "sum": -0.542},
    "carry": {"mean": 0.000, "std": 0.005, "min": -0.014, "max": 0.014, "sum": 0.713},
    "pnl": {"mean": 0.002, "std": 0.027, "min": -0.155, "q75": 0.003, "max": 0.177, "sum": 3.498},
}
#: Over 250 draws of the reservoir.
TABLE_II: Mapping[str, Mapping[str, float]] = {
    "ir": {
        "mean": 1.160, "std": 0.299, "min": 0.219, "q25": 1.023, "q50": 1.199, "q75": 1.355, "max": 1.763, "se": 0.019,
        "low": 1.123, "high": 1.197,
    },
    "total": {
        "mean": 2.977, "std": 0.740, "min": 0.654, "q25": 2.572, "q50": 3.076, "q75": 3.352, "max": 5.021, "se": 0.047,
        "low": 2.886, "high": 3.069,
    },
}  # fmt: skip
#: Derived: 3.498 + 0.542 - 0.713.
PRICE = 3.327
MEAN_POSITION = 0.405
