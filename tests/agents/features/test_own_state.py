"""Features of the agent itself against a slow account of what it held, through real runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.engine.market import Market
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from tests.agents.features.lookers import OTHER, Floats, Script, look, random_bars, random_books
from tests.agents.features.test_known_answers import quoted
from tests.engine.worlds import LINEAR, START, bars

OWN = ("position", "open_pnl(price)", "open_pnl", "age", "cool_down(5)")


def plain(positions: list[float], prices: list[float], length: int = 5) -> Floats:
    """What the features are by their definition, each decision by itself."""
    rows = []
    for i, held in enumerate(positions):
        first = i
        while held != 0.0 and first > 0 and np.sign(positions[first - 1]) == np.sign(held):
            first -= 1
        moved = sum(positions[j] * (prices[j] - prices[j - 1]) for j in range(max(first, 1), i + 1)) if held else 0.0
        left = [j for j in range(1, i + 1) if positions[j] == 0.0 and positions[j - 1] != 0.0]
        rest = max(length - (i - left[-1] + 1), 0) if left else 0
        rows.append([held, moved, moved / prices[i], i - first + 1 if held else 0, rest])
    return np.array(rows, np.float64)


def drawn(levels: tuple[float, ...], stay: float, seed: int) -> Script:
    """Targets drawn anew now and then."""
    rng = np.random.default_rng(seed)

    def script(number: int, market: Market) -> float | None:
        return None if rng.random() < stay else float(rng.choice(levels))

    return script


def account(market: Market) -> tuple[float, float]:
    return market.position, market.close


@pytest.mark.parametrize(
    ("levels", "sizing"),
    [
        ((-1.0, 0.0, 1.0), FixedContracts(4.0)),
        ((-1.0, 1.0), FixedContracts(4.0)),  # reversals alone
        ((-1.0, -0.5, 0.0, 0.25, 0.5, 1.0), FixedContracts(4.0)),  # resized in part
        ((-1.0, 0.0, 0.5, 1.0), FixedNotional(1_000.0)),
    ],
)
def test_own_features_are_what_a_slow_account_says(levels: tuple[float, ...], sizing: Any) -> None:
    for seed in range(3):
        looker = look(random_bars(400, seed), OWN, drawn(levels, 0.6, seed), also=account, sizing=sizing)
        positions, prices = zip(*looker.seen, strict=True)
        expected = plain(list(positions), list(prices))
        assert looker.table == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert set(np.sign(positions)) == {np.sign(each) for each in levels} | {0.0}
        assert expected[:, 3].max() > 3
        assert 0.0 not in levels or expected[:, 4].max() == 4


def test_a_gap_in_the_bars_is_one_step() -> None:
    tape = Tape.from_bars(bars([100.0, 101.0, 103.0, 106.0, 110.0, 115.0], skip=(3,)), LINEAR, interval="1h")
    looker = look(tape, OWN, lambda number, market: (1.0, 1.0, 0.0, 0.0, 0.0)[number], also=account)
    assert looker.times == [START + each * HOUR for each in (1, 2, 3, 5, 6)]
    assert looker.table[:, 3].tolist() == [0.0, 1.0, 2.0, 0.0, 0.0]
    assert looker.table[:, 4].tolist() == [0.0, 0.0, 0.0, 4.0, 3.0]
    assert looker.table[:, 1].tolist() == [0.0, 1.0, 3.0, 0.0, 0.0]


def test_every_instrument_has_its_own_account() -> None:
    tape = Tape.join(random_bars(200, 1), random_bars(200, 2, OTHER))
    names = (*OWN, *(f"{name}@OTHER" for name in OWN))
    one, two = drawn((-1.0, 0.0, 1.0), 0.5, 3), drawn((0.0, 0.5, 1.0), 0.7, 4)

    def both(number: int, market: Market) -> list[float]:
        wanted = (one(number, market), two(number, market))
        return [view.target if wish is None else wish for view, wish in zip(market.views, wanted, strict=True)]

    looker = look(
        tape, names, both, also=lambda m: [(v.position, v.close) for v in m.views], sizing=FixedContracts(2.0)
    )
    for k, width in ((0, slice(0, 5)), (1, slice(5, 10))):
        positions, prices = zip(*(each[k] for each in looker.seen), strict=True)
        assert looker.table[:, width] == pytest.approx(plain(list(positions), list(prices)), rel=1e-9, abs=1e-12)
        assert 1.0 in positions


def test_on_quotes_the_price_is_the_mid() -> None:
    looker = look(quoted(), OWN, lambda number, market: 1.0, ("quote",), also=lambda m: (m.position, m.mid))
    assert looker.seen == [(0.0, 100.0), (1.0, 101.0), (1.0, 101.0)]
    assert looker.table[:, 1].tolist() == [0.0, 1.0, 1.0]
    assert looker.table[:, 3].tolist() == [0.0, 1.0, 2.0]


def test_on_books_own_features_are_what_a_slow_account_says() -> None:
    looker = look(random_books(), OWN, drawn((-1.0, 0.0, 1.0), 0.7, 1), ("book",), also=lambda m: (m.position, m.mid))
    positions, prices = zip(*looker.seen, strict=True)
    assert looker.table == pytest.approx(plain(list(positions), list(prices)), rel=1e-9, abs=1e-12)
    assert {-1.0, 0.0, 1.0} <= set(positions)


def test_on_trades_alone_the_price_is_that_of_the_last_trade() -> None:
    trades = {
        "ts": START + HOUR * np.arange(4),
        "price": np.array([100.0, 101.0, 103.0, 106.0]),
        "size": np.ones(4),
        "side": np.ones(4, int),
    }
    tape = Tape.from_trades(trades, LINEAR)
    looker = look(tape, OWN, lambda number, market: 1.0, ("trade",), also=lambda m: m.position)
    assert looker.seen == [0.0, 1.0, 1.0, 1.0]
    assert looker.table[:, 1].tolist() == [0.0, 1.0, 3.0, 6.0]
    assert looker.table[:, 2].tolist() == [0.0, 1 / 101, 3 / 103, 6 / 106]
