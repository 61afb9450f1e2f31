"""The funding of the synthetic market, computed again in plain Python from its own premium, quotes and index."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.market_data import SyntheticData
from halfspread.engine.times import DAY, HOUR


def generate(**changes: object) -> SyntheticData:
    return SyntheticMarket.model_validate(changes).generate(np.random.default_rng(11))


def published_rate(premiums: list[float], interest: float, clamp: float = 5e-4, cap: float = 3.75e-3) -> float:
    """F = P + clamp(I - P, -0.05 %, 0.05 %), P the mean weighted 1 ... n; limited; eight decimals."""
    weighted = sum(weight * premium for weight, premium in enumerate(premiums, start=1))
    mean = weighted / (len(premiums) * (len(premiums) + 1) / 2)
    difference = interest - mean
    if difference > clamp:
        difference = clamp
    elif difference < -clamp:
        difference = -clamp
    rate = min(max(mean + difference, -cap), cap)
    return round(rate, 8)


@pytest.mark.parametrize("interval_hours", [1, 8, 24])
def test_every_rate_follows_from_the_premium_of_its_interval(interval_hours: int) -> None:
    data = generate(days=40, funding_interval_hours=interval_hours, basis_deviation=1e-3)
    steps = interval_hours * 60
    premium = data.premium.tolist()
    interest = 0.0003 * interval_hours / 24
    assert len(data.funding_rates) == 40 * 24 // interval_hours
    for k, rate in enumerate(data.funding_rates):
        assert data.premium_times[(k + 1) * steps - 1] == data.funding_times[k]
        # two sums of one series in another order may fall on either side of a rounding boundary
        assert rate == pytest.approx(published_rate(premium[k * steps : (k + 1) * steps], interest), abs=1.01e-8)


def test_the_premium_at_a_close_is_that_of_its_quotes_over_the_index() -> None:
    data = generate(days=5)
    at_close = dict(zip(data.premium_times.tolist(), data.premium.tolist(), strict=True))
    index = dict(zip(data.price_times.tolist(), data.index.tolist(), strict=True))
    seen = set()
    for opened, bid, ask in zip(data.open_times.tolist(), data.bid_close, data.ask_close, strict=True):
        closed = opened + data.interval_ns
        level = index[closed]
        expected = (max(0.0, bid - level) - max(0.0, level - ask)) / level
        seen.add(expected > 0.0)
        assert at_close[closed] == pytest.approx(expected, abs=1e-12)
    assert seen == {True, False}


def test_a_quiet_basis_pays_the_interest_and_a_wide_one_more() -> None:
    # the premium is measured at the quotes, half a spread from the middle
    assert set(generate(days=5, basis_deviation=0.0).funding_rates) == {0.0001}
    rich = generate(days=5, basis_mean=2e-3, basis_deviation=0.0).funding_rates
    assert rich == pytest.approx(2e-3 - 5e-4, abs=1e-5)
    poor = generate(days=5, basis_mean=-2e-3, basis_deviation=0.0).funding_rates
    assert poor == pytest.approx(-2e-3 + 5e-4, abs=1e-5)


def test_the_default_funding_resembles_the_venues() -> None:
    rates = np.concatenate([SyntheticMarket().generate(np.random.default_rng(seed)).funding_rates for seed in range(4)])
    assert 0.3e-4 < rates.mean() < 1.5e-4
    assert 0.4 < (rates == 0.0001).mean() < 0.9
    assert rates.min() < 0.0
    assert rates.max() > 4e-4


def test_rates_stay_within_the_cap() -> None:
    rates = generate(days=60, basis_deviation=0.01).funding_rates
    assert rates.max() == 3.75e-3
    assert rates.min() == -3.75e-3
    narrow = generate(days=60, basis_deviation=0.01, funding_cap=1e-3).funding_rates
    assert np.abs(narrow).max() == 1e-3


def test_settlements_are_known_when_they_are_paid_and_cover_the_market() -> None:
    data = generate(days=3)
    assert np.array_equal(data.funding_known_times, data.funding_times)
    assert (data.funding_times % (8 * HOUR) == 0).all()
    assert data.funding_times[0] == data.open_times[0] + 8 * HOUR
    assert data.funding_times[-1] == data.open_times[-1] + data.interval_ns
    assert (data.funding_intervals == 8 * HOUR).all()
    frame = data.funding_frame()
    assert frame["interval_h"].tolist() == [8] * 9
    assert (frame["known_ts"] == frame["ts"]).all()


def test_a_long_market_has_every_settlement() -> None:
    data = generate(days=1_000, interval="1d", start="2024-01-01T00:00:00Z")
    assert len(data.funding_times) == len(data.funding_rates) == 3_000
    assert set(np.diff(data.funding_times)) == {8 * HOUR}
    assert data.funding_times[-1] == data.open_times[0] + 1_000 * DAY


def test_a_market_that_starts_within_an_interval_settles_at_the_venues_hours() -> None:
    data = generate(days=2, start="2024-01-01T05:00:00Z")
    assert (data.funding_times % DAY // HOUR).tolist() == [8, 16, 0, 8, 16, 0]
    assert data.funding_rates[0] == pytest.approx(weighted_from(data, first_weight=5 * 60 + 1), abs=1.01e-8)


def weighted_from(data: SyntheticData, first_weight: int) -> float:
    """Rate of a first interval of which only the last three hours were seen: their samples keep their weights."""
    samples: list[float] = data.premium[:180].tolist()
    weights = range(first_weight, first_weight + 180)
    mean = sum(w * p for w, p in zip(weights, samples, strict=True)) / sum(weights)
    rate = mean + min(max(1e-4 - mean, -5e-4), 5e-4)
    return round(rate, 8)
