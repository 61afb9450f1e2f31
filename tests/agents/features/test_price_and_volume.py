"""The named set on real bars of XBTUSD, against the columns that ESN-RRL was measured with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.features import FeatureSet
from halfspread.agents.policies.watching import observations
from halfspread.datafeeds.resample import resample_bars
from halfspread.engine import instruments
from halfspread.engine.tape import Tape
from halfspread.engine.times import Floats

FIRST, LAST = "2018-03-01", "2018-07-01"


def five_minutes(minutes: pd.DataFrame) -> pd.DataFrame:
    """Bars by the time of their close, with high and low of the minutes with trades: as the experiment makes them."""
    signed = np.sign(minutes.close - minutes.open) * minutes.volume
    traded = minutes.volume > 0
    bars = minutes.assign(signed=signed, high=minutes.high.where(traded), low=minutes.low.where(traded)).groupby(
        minutes.ts.dt.floor("5min") + pd.Timedelta("5min")
    )
    made = bars.agg({"close": "last", "high": "max", "low": "min", "volume": "sum", "signed": "sum"})
    return made.assign(
        high=made.high.fillna(made.close).clip(lower=made.close), low=made.low.fillna(made.close).clip(upper=made.close)
    )


def columns(bars: pd.DataFrame) -> Floats:
    """The seven, from whole columns with pandas."""
    price, level = bars.close.to_numpy(), np.log1p(bars.volume.to_numpy())
    move = np.diff(np.log(price), prepend=np.log(price[0]))
    alpha = 1.0 - 0.5 ** (1.0 / 288.0)

    def before(values: Floats, first: float) -> Floats:
        means = pd.Series(values).ewm(alpha=alpha).mean().to_numpy()
        return np.asarray(np.concatenate([[first], means[:-1]]))

    deviation = np.maximum(np.nan_to_num(np.sqrt(before(move**2, np.nan)), nan=1e-3), 2e-4)
    total = np.cumsum(move)
    scaled = [(total - np.roll(total, k)) / (deviation * np.sqrt(k)) for k in (1, 12, 96, 288)]
    mean = pd.Series(level).ewm(alpha=alpha).mean().to_numpy()
    score = (level - before(level, level[0])) / (np.sqrt(before((level - mean) ** 2, 1.0)) + 1e-6)
    share = bars.signed.to_numpy() / np.maximum(bars.volume.to_numpy(), 1.0)
    stretch = (bars.high - bars.low).to_numpy() / price / deviation - 1.5
    return np.asarray(np.clip(np.column_stack([*scaled, score, share, stretch]), -5.0, 5.0))


def test_they_are_the_columns_of_the_experiment_once_the_beginning_is_forgotten(halfspread_data: Path) -> None:
    names = ["ts", "open", "high", "low", "close", "volume"]
    minutes = pd.read_parquet(
        next((halfspread_data / "bitmex").glob("xbtusd_1m_2016_2021*.parquet")),
        columns=names,
        filters=[("ts", ">=", pd.Timestamp(FIRST, tz="UTC")), ("ts", "<", pd.Timestamp(LAST, tz="UTC"))],
    )
    bars = resample_bars(minutes, "5m").bars
    tape = Tape.from_bars(bars, instruments.get("bitmex:XBTUSD"), interval="5m", extra=("signed_volume",))
    features = FeatureSet(("price_and_volume",))
    times, rows = observations(tape, features)
    plain = columns(five_minutes(minutes))
    assert len(rows) == len(plain) - features.lookback > 30_000
    assert times[0] == bars["ts"].iloc[features.lookback + 1].value
    apart = np.abs(rows - plain[features.lookback :])
    assert apart[30 * 288 :].max() < 1e-8
    assert (np.abs(rows).max(axis=0) > 1.0 - 1e-9).all()


def test_without_signed_volume_a_bar_counts_as_a_whole() -> None:
    from tests.agents.features.lookers import look, random_bars

    found = look(random_bars(400), ("signed_share",)).table[:, 0]
    assert set(found) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("name", ["price_and_volume", "price_and_volume@UNIT"])
def test_a_set_is_looked_at_as_its_members_are(name: str) -> None:
    from tests.agents.features.lookers import look, random_bars

    tape = random_bars(400)
    members = FeatureSet(("price_and_volume",)).names
    assert look(tape, (name,)).table.tobytes() == look(tape, members).table.tobytes()


def scaled(rows: int, seed: int, price: float, lot: float, mirror: bool) -> Floats:
    """What the set says of a random walk, of its prices and volumes times a factor, or of 1 / its prices."""
    from tests.agents.features.lookers import look
    from tests.engine.worlds import LINEAR, START

    rng = np.random.default_rng(seed)
    walk = 0.01 * rng.standard_normal(rows).cumsum() * (-1.0 if mirror else 1.0)
    close = price * np.exp(walk)
    open_ = np.concatenate([close[:1], close[:-1]])
    up, down = np.maximum(open_, close), np.minimum(open_, close)
    frame = {"ts": START + 300 * 10**9 * np.arange(rows), "open": open_, "high": up, "low": down, "close": close}
    volume = lot * rng.gamma(2.0, 5.0, rows)
    return look(Tape.from_bars({**frame, "volume": volume}, LINEAR, interval="5m"), ("price_and_volume",)).table


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_000), st.floats(0.01, 1e5), st.booleans())
def test_the_unit_of_prices_does_not_matter_and_a_mirrored_market_has_mirrored_moves(
    seed: int, price: float, mirror: bool
) -> None:
    plain, other = scaled(330, seed, 100.0, 1.0, False), scaled(330, seed, price, 1.0, mirror)
    sign = -1.0 if mirror else 1.0
    assert other[:, :4] == pytest.approx(sign * plain[:, :4], rel=1e-6, abs=1e-9)
    assert other[:, 4] == pytest.approx(plain[:, 4], abs=1e-12)
    assert other[:, 5].tolist() == (sign * plain[:, 5]).tolist()
    assert np.abs(plain).max() <= 5.0
    if not mirror:
        assert other[:, 6] == pytest.approx(plain[:, 6], rel=1e-6, abs=1e-9)


def test_the_unit_of_volumes_hardly_matters_where_they_are_large() -> None:
    plain, other = scaled(400, 3, 100.0, 1e4, False), scaled(400, 3, 100.0, 1e7, False)
    assert other[:, 4] == pytest.approx(plain[:, 4], abs=2e-3)
    assert np.array_equal(np.delete(other, 4, axis=1), np.delete(plain, 4, axis=1))
