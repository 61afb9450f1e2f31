"""The common job: one seeded market and one strategy that every engine in the comparison runs.

The market is five years of five-minute bars of a price that looks like BTC: a random walk whose volatility drifts
(log volatility is mean reverting), six steps inside each bar so that high and low are honest, bent so that it starts
near 20,000 and ends at 60,000. Prices lie on a tick of 0.1; each open stands about half a basis point away from the
previous close, so that a fill at the close and a fill at the next open can be told apart.

The strategy holds +1 unit while the mean of the last 20 closes is above the mean of the last 100, else -1, from the
first bar on which both exist. Every fill costs 5 bp of its value; there is no spread and no funding.

    python -m benchmarks.common_job FOLDER      writes bars.npz and bars.parquet
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BARS = 525_600
FAST, SLOW = 20, 100
FEE_RATE = 5e-4

# What the job gives, by the moment of the fill. The open position is marked at the last close.
PNL_NEXT_OPEN = -230_120.31
PNL_THIS_CLOSE = -229_808.48
PNL_NEXT_CLOSE = -230_823.68
FEES_NEXT_OPEN = 192_202.71
FILLS = 7_222

FIRST_OPEN = 1_577_836_800 * 10**9  # 2020-01-01 00:00 UTC, nanoseconds
INTERVAL = 300 * 10**9
DIGEST = "670ebf4ba9f285f3"

_SEED = 20_260_101
_STEPS = 6
_TICK = 0.1
_START, _END = 20_000.0, 60_000.0


def bars() -> dict[str, NDArray[np.generic]]:
    """The market: ``ts`` (bar open, ns since 1970, int64), ``open high low close volume`` (float64)."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    volatility = _annual_volatility(rng.standard_normal(BARS))
    path = _log_prices(volatility, rng.standard_normal((BARS, _STEPS)))
    log_close = path[:, -1]
    previous = np.concatenate([[np.log(_START)], log_close[:-1]])
    log_open = previous + 0.5e-4 * rng.standard_normal(BARS)
    open_, close = _on_tick(log_open), _on_tick(log_close)
    high = _on_tick(np.maximum(log_open, path.max(axis=1)))
    low = _on_tick(np.minimum(log_open, path.min(axis=1)))
    volume = np.round(rng.gamma(2.0, 50.0, BARS) * volatility / 0.65 + 1.0, 3)
    return {
        "ts": FIRST_OPEN + INTERVAL * np.arange(BARS, dtype=np.int64),
        "open": open_,
        "high": np.maximum(high, np.maximum(open_, close)),
        "low": np.minimum(low, np.minimum(open_, close)),
        "close": close,
        "volume": volume,
    }


def _annual_volatility(shocks: Floats) -> Floats:
    """Volatility a year of each bar: the exponential of a slow mean-reverting walk, 65 % on average."""
    level, levels = 0.0, np.empty(len(shocks))
    for i, shock in enumerate(shocks):
        level += -0.002 * level + 0.02 * shock
        levels[i] = level
    volatility: Floats = 0.65 * np.exp(levels - levels.var() / 2)
    return volatility


def _log_prices(volatility: Floats, shocks: Floats) -> Floats:
    """Log price after every step of every bar, shape (bars, steps), tilted to end at the price wanted."""
    step_years = 5.0 / (365 * 24 * 60) / _STEPS
    sigma = volatility[:, None]
    moves = (sigma * np.sqrt(step_years)) * shocks - 0.5 * (sigma**2) * step_years + 0.10 * step_years
    walk = np.log(_START) + np.cumsum(moves.ravel())
    tilt = np.linspace(1.0 / walk.size, 1.0, walk.size)
    path: Floats = (walk + tilt * (np.log(_END) - walk[-1])).reshape(shocks.shape)
    return path


def _on_tick(log_price: Floats) -> Floats:
    return np.round(np.exp(log_price) / _TICK) * _TICK


def digest(market: dict[str, NDArray[np.generic]]) -> str:
    """A short hash of all columns, to see at once whether two machines made the same market."""
    h = hashlib.blake2b(digest_size=8)
    for name in ("ts", "open", "high", "low", "close", "volume"):
        h.update(np.ascontiguousarray(market[name]).tobytes())
    return h.hexdigest()


def write(folder: Path) -> tuple[Path, Path]:
    """Write the market to ``folder`` as ``bars.npz`` and ``bars.parquet``; returns both paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    market = bars()
    if digest(market) != DIGEST:
        raise SystemExit(f"common job: this machine makes another market ({digest(market)}, expected {DIGEST})")
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "bars.npz", **market)  # type: ignore[arg-type]
    pq.write_table(pa.table(market), folder / "bars.parquet", compression="zstd")
    return folder / "bars.npz", folder / "bars.parquet"


if __name__ == "__main__":
    print(*write(Path(sys.argv[1] if len(sys.argv) > 1 else ".")), sep="\n")
