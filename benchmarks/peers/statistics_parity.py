"""What scipy, statsmodels and arch say about the series of the statistics tests.

    python3.11 -m venv PEERS && PEERS/bin/pip install scipy==1.17.1 statsmodels==0.15.0 arch==8.0.0
    PEERS/bin/python -m benchmarks.peers.statistics_parity > tests/reports/statistics/parity.json

The same resamples are handed to arch that our side gets, so that both draw the same days. Arch compares means that are
not in standard errors, so Hansen's test is given differences divided by theirs.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
from arch.bootstrap import SPA, RealityCheck, StationaryBootstrap, optimal_block_length
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.sandwich_covariance import S_hac_simple

from tests.reports.statistics.parity_series import BLOCK, DAYS, SEED, differences, rows_drawn, series


class Drawn:
    """A bootstrap of arch that draws the given rows."""

    def __init__(self, data: np.ndarray, rows: np.ndarray) -> None:
        self.data, self.rows = data, rows

    def bootstrap(self, count: int) -> Any:
        for i in range(count):
            yield (self.data[self.rows[i]],), {}


def superiority(test: type, losses: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    found = test(np.zeros(len(losses)), losses, block_size=int(BLOCK), reps=len(rows), bootstrap="stationary")
    found.bootstrap = Drawn(-losses, rows)
    found.compute()
    return {**dict(found.pvalues), "variances": found._loss_diff_var.tolist()}


def ratio_error(values: np.ndarray, lags: int) -> float:
    """Error of mean / deviation from the joint long-run covariance of the values and their squares."""
    mean, square = values.mean(), (values**2).mean()
    variance = square - mean**2
    covariance = S_hac_simple(np.column_stack([values - mean, values**2 - square]), nlags=lags) / len(values) ** 2
    slope = np.array([variance**-0.5 + mean**2 * variance**-1.5, -0.5 * mean * variance**-1.5])
    return float(np.sqrt(slope @ covariance @ slope))


def ratio_probability(values: np.ndarray, threshold: float) -> float:
    ratio = values.mean() / values.std()
    spread = 1.0 - stats.skew(values) * ratio + (stats.kurtosis(values, fisher=False) - 1.0) / 4.0 * ratio**2
    return float(stats.norm.cdf((ratio - threshold) * np.sqrt((len(values) - 1) / spread)))


def ratio_limits(values: np.ndarray) -> list[float]:
    drawn = StationaryBootstrap(BLOCK, values, seed=np.random.RandomState(SEED))
    limits = drawn.conf_int(lambda x: x.mean() / x.std(), reps=20_000, method="percentile", size=0.95)
    return [float(each) for each in limits[:, 0]]


def main() -> None:
    found: dict[str, Any] = {"versions": {name: version(name) for name in ("numpy", "scipy", "statsmodels", "arch")}}
    for name, values in series().items():
        ols = {lags: OLS(values, np.ones(DAYS)).fit(cov_type="HAC", cov_kwds={"maxlags": lags}) for lags in (0, 4, 11)}
        found[name] = {
            "first": values[:3].tolist(),
            "skew": float(stats.skew(values)),
            "kurtosis": float(stats.kurtosis(values, fisher=False)),
            "block": float(optimal_block_length(values)["stationary"].iloc[0]),
            "block_of_squares": float(optimal_block_length(values**2)["stationary"].iloc[0]),
            "mean_error": {str(lags): float(fit.bse[0]) for lags, fit in ols.items()},
            "ratio_error": {str(lags): ratio_error(values, lags) for lags in (0, 4, 11)},
            "ratio_probability": {str(at): ratio_probability(values, at) for at in (0.0, 0.05)},
            "ratio_limits": ratio_limits(values),
        }
    rows, losses = rows_drawn(), -differences()
    found["reality_check"] = superiority(RealityCheck, losses, rows)
    errors = np.sqrt(np.array(found["reality_check"]["variances"]))
    found["spa"] = superiority(SPA, losses / errors, rows)
    for trials in (2, 10, 1_000):
        g = 0.5772156649015329
        best = (1 - g) * stats.norm.ppf(1 - 1 / trials) + g * stats.norm.ppf(1 - 1 / (np.e * trials))
        found.setdefault("expected_best", {})[str(trials)] = float(best)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
