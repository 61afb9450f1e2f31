"""The best path in hindsight is what the engine says it is, and nothing that is enumerated beats it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.configs.foresight import with_foresight
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Impact, Latency, Margin
from halfspread.costs.fees import FeeTier
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import consistent_market, two_legs
from halfspread.engine import instruments
from halfspread.engine.agent import looks_ahead
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies import RandomTurnover, SmaCross, Strategy
from tests.engine.worlds import FREE, LINEAR, START, Scripted, bars, funding, tape

HOUR = 3_600_000_000_000
CHARGED = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=1e-2, maker=0.0), funding=Funding.none())
FILLS = ["next_open", "this_close", "next_close"]
ON_CHANGE, ALWAYS = FixedNotional(1_000.0), FixedNotional(1_000.0, resize="always")
SIZINGS: dict[str, Sizing] = {"contracts": FixedContracts(7.0), "notional": ON_CHANGE, "always": ALWAYS}


def pnl(market: Tape, agent: Any, costs: Costs, sizing: Sizing, fill: str, **more: Any) -> float:
    result = run_backtest(market, agent, costs, sizing=sizing, fill=fill, margin=Margin.none(), **more)
    return result.pnl


def worst_agreement(market: Tape, costs: Costs, sizing: Sizing, fill: str, levels: tuple[float, ...]) -> float:
    """The bound, after it was compared with its own replay in both modes."""
    best = Clairvoyant.of(market, costs, sizing=sizing, fill=fill, levels=levels)
    for mode in ("compiled", "python"):
        found = pnl(market, best, costs, sizing, fill, mode=mode)
        assert found == pytest.approx(best.value, rel=1e-9, abs=1e-9)
    return best.value


def enumerated(market: Tape, costs: Costs, sizing: Sizing, fill: str, levels: tuple[float, ...]) -> float:
    """The best of every path of targets, each run through the engine."""
    count = len(market.bars) - (fill != "this_close")
    paths = itertools.product(levels, repeat=count)
    return max(pnl(market, Scripted(script=path), costs, sizing, fill) for path in paths)


# Worked by hand: one contract, half a spread of 0.5, 1 % of the price at the fill, filled at the next open.


def test_a_path_worked_by_hand_goes_long_once() -> None:
    # Bought at the open of 100 for 100.5 + 1.005; worth 110 at the end: 110 - 101.505.
    best = Clairvoyant.of(tape([100.0, 110.0, 110.0]), CHARGED, sizing=FixedContracts(1))
    assert best.value == pytest.approx(110.0 - 100.5 - 1.005)
    assert best.path.targets.tolist() == [1.0]


def test_a_fall_between_is_sat_out_where_turning_costs_more() -> None:
    # Up 10, down 3, up 10. Going flat between would save 3 and cost 0.5 + 1.095 to sell and 0.5 + 1.075 to buy.
    best = Clairvoyant.of(tape([100.0, 110.0, 107.0, 117.0]), CHARGED, sizing=FixedContracts(1))
    assert best.value == pytest.approx(117.0 - 100.5 - 1.005)


def test_a_fall_that_is_deep_enough_is_sold() -> None:
    # Up 10, down 9, up 10: sells two at 109.5 and buys two at 101.5.
    best = Clairvoyant.of(tape([100.0, 110.0, 101.0, 111.0]), CHARGED, sizing=FixedContracts(1))
    expected = (111.0 - 100.5 - 1.005) + 2 * (109.5 * 0.99 - 101.5 * 1.01)
    assert best.value == pytest.approx(expected)
    assert best.path.targets.tolist() == [1.0, -1.0, 1.0]


def test_nothing_is_done_where_nothing_can_be_earned() -> None:
    best = Clairvoyant.of(tape([100.0, 101.0, 100.0, 101.0]), CHARGED, sizing=FixedContracts(1))
    assert best.value == 0.0
    assert best.path.targets.tolist() == [0.0]


def test_funding_alone_is_worth_a_trade() -> None:
    # 4 % of 100 is paid by longs at the close of the third bar; selling costs 0.5 + 0.995.
    costs = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=1e-2, maker=0.0), funding=Funding.published())
    market = tape([100.0] * 4, funding=funding({0: 0.0, 3: 0.04, 6: 0.0}, 3))
    best = Clairvoyant.of(market, costs, sizing=FixedContracts(1))
    assert best.value == pytest.approx(4.0 - 0.5 - 0.995)
    assert best.path.targets[0] == -1.0


# Enumerated: every path of small markets, run by the engine.


def small_market(kind: str, seed: int) -> tuple[Tape, Costs]:
    """Six bars with a gap, funding within a bar, and steps of a few per cent."""
    rng = np.random.default_rng(seed)
    steps = np.exp(np.cumsum(rng.normal(0.0, 0.02, 14)))
    closes, opens = 100.0 * steps[1::2], 100.0 * steps[::2]
    taker = float(rng.choice([0.0, 1e-4, 5e-3]))
    rates = {hours / 2: float(rng.normal(0.0, 0.01)) for hours in range(15)}
    costs = Costs(
        half_spread=HalfSpread.bps(float(rng.choice([0.0, 10.0]))),
        fees=Fees(taker=taker, maker=0.0),
        funding=Funding.published(),
    )
    instrument = {
        "linear": LINEAR,
        "inverse": instruments.inverse("INV", multiplier=1.0, lot=1.0, tick=0.5),
        "quanto": instruments.quanto("QUA", settle="XBT", multiplier=1e-4, lot=1.0, tick=0.5),
    }[kind]
    more: dict[str, Any] = {}
    if kind == "quanto":
        more["settle_price"] = {
            "ts": START + HOUR * np.arange(-1, 8),
            "price": 50_000.0 * np.exp(rng.normal(0.0, 0.02, 9)),
        }
    if seed % 2:
        more["mark"] = {"ts": START + HOUR // 2 * np.arange(-1, 15), "price": 100.0 * rng.uniform(0.98, 1.02, 16)}
    table = bars(closes, opens, skip=(3,))
    return Tape.from_bars(table, instrument, interval="1h", funding=funding(rates, 0.5), **more), costs


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("sizing", list(SIZINGS))
@pytest.mark.parametrize(
    ("kind", "seed"), [("linear", 1), ("linear", 2), ("inverse", 1), ("inverse", 2), ("quanto", 1)]
)
def test_no_path_that_is_enumerated_beats_it(kind: str, sizing: str, fill: str, seed: int) -> None:
    whole, costs = small_market(kind, seed)
    levels = (-1.0, 0.0, 1.0)
    worst_agreement(whole, costs, SIZINGS[sizing], fill, levels)
    market = whole.slice(None, "2024-01-01 05:00" if fill == "this_close" else "2024-01-01 06:00")
    value = worst_agreement(market, costs, SIZINGS[sizing], fill, levels)
    assert enumerated(market, costs, SIZINGS[sizing], fill, levels) == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sizing", [FixedContracts(8.0), ALWAYS])
def test_finer_levels_are_as_exact(sizing: Sizing) -> None:
    market, costs = small_market("linear", 3)
    part, levels = market.slice(None, "2024-01-01 06:00"), (-1.0, -0.5, 0.0, 0.25, 1.0)
    value = worst_agreement(part, costs, sizing, "next_open", levels)
    assert enumerated(part, costs, sizing, "next_open", levels) == pytest.approx(value, rel=1e-9)


def test_only_one_side_may_be_allowed() -> None:
    market, costs = small_market("linear", 4)
    for levels in ((0.0, 1.0), (-1.0, 0.0), (-0.5, 0.0, 1.0)):
        value = worst_agreement(market, costs, ON_CHANGE, "next_open", levels)
        assert enumerated(market, costs, ON_CHANGE, "next_open", levels) == pytest.approx(value, rel=1e-9)


def test_a_bar_without_a_quote_is_not_traded_and_the_position_is_held_over_it() -> None:
    table = bars([100.0, 120.0, 90.0, 150.0, 150.0])
    for name in ("bid_open", "ask_open", "bid_close", "ask_close"):
        price = table["open" if name.endswith("open") else "close"]
        table[name] = price + (0.1 if name.startswith("ask") else -0.1)
        table[name][2] = np.nan
    market = Tape.from_bars(table, LINEAR, interval="1h")
    costs = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.none(), funding=Funding.none())
    # Nothing can be sold at the open of 120. Short from 100 to 90 and long from there to 150 is best.
    value = worst_agreement(market, costs, FixedContracts(1), "next_open", (-1.0, 0.0, 1.0))
    assert value == pytest.approx((99.9 - 90.1) + (150.0 - 90.1))
    last = Costs(half_spread=HalfSpread.from_bars(missing="last"), fees=Fees.none(), funding=Funding.none())
    assert worst_agreement(market, last, FixedContracts(1), "next_open", (-1.0, 0.0, 1.0)) > value


# Larger markets.


@pytest.fixture(scope="module")
def month() -> Tape:
    return SyntheticMarket(days=30, interval="1h").tape(np.random.default_rng(1))


COSTS = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("sizing", [FixedContracts(1.0), FixedNotional(10_000), FixedNotional(10_000, resize="always")])
def test_replaying_the_path_gives_its_value(month: Tape, sizing: Sizing, fill: str) -> None:
    assert worst_agreement(month, COSTS, sizing, fill, (-1.0, 0.0, 1.0)) > 0.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), calm=st.floats(0.0, 0.99), size=st.sampled_from(list(SIZINGS)))
def test_no_random_path_beats_it(month: Tape, seed: int, calm: float, size: str) -> None:
    sizings: dict[str, Sizing] = {
        "contracts": FixedContracts(1.0),
        "notional": FixedNotional(1e4),
        "always": FixedNotional(1e4, resize="always"),
    }
    sizing = sizings[size]
    best = Clairvoyant.of(month, COSTS, sizing=sizing)
    rng = np.random.default_rng(seed)
    path, wanted = [], 0.0
    for _ in range(len(month.bars)):
        wanted = wanted if rng.random() < calm else float(rng.integers(-1, 2))
        path.append(wanted)
    assert pnl(month, Scripted(script=tuple(path)), COSTS, sizing, "next_open") <= best.value


def test_the_best_path_changed_in_one_place_earns_less(month: Tape) -> None:
    sizing = FixedNotional(10_000)
    best = Clairvoyant.of(month, COSTS, sizing=sizing)
    path = [best.path.targets[i] for i in np.searchsorted(best.path.times, closes(month), side="right") - 1]
    for at in range(5, len(path), 97):
        changed = [*path[:at], 0.0 if path[at] else 1.0, *path[at + 1 :]]
        assert pnl(month, Scripted(script=tuple(changed)), COSTS, sizing, "next_open") < best.value


def closes(market: Tape) -> np.ndarray[Any, Any]:
    return np.asarray(market.bars.times) + market.interval  # type: ignore[union-attr]


def test_no_other_agent_beats_it(month: Tape) -> None:
    best = Clairvoyant.of(month, COSTS, sizing=FixedNotional(10_000))
    for agent in (SmaCross(fast=3, slow=9), RandomTurnover(turnover=4.0)):
        assert pnl(month, agent, COSTS, FixedNotional(10_000), "next_open") < best.value


@pytest.mark.parametrize("size", [1.0, 8.0])
def test_targets_between_the_levels_add_nothing_to_a_number_of_contracts(month: Tape, size: float) -> None:
    coarse = Clairvoyant.of(month, COSTS, sizing=FixedContracts(size))
    fine = Clairvoyant.of(month, COSTS, sizing=FixedContracts(size), levels=(-1.0, -0.5, 0.0, 0.5, 1.0))
    assert fine.value == pytest.approx(coarse.value, rel=1e-12)


def test_higher_costs_never_raise_it(month: Tape) -> None:
    values = [
        Clairvoyant.of(
            month,
            Costs(half_spread=HalfSpread.bps(1.0), fees=Fees(taker=rate, maker=0.0), funding=Funding.none()),
            sizing=FixedNotional(10_000),
        ).value
        for rate in (0.0, 1e-4, 1e-3, 1e-2)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[-1] > 0.0


def test_a_streamed_market_has_the_same_bound(month: Tape, tmp_path: Any) -> None:
    import pandas as pd

    table: Any = month.bars
    frame = pd.DataFrame(table.rows, columns=list(table.columns))
    frame.insert(0, "ts", table.times)
    frame.to_parquet(tmp_path / "bars.parquet")
    free = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.none())
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", month.instrument)
    bounds = [Clairvoyant.of(each, free, sizing=FixedNotional(10_000)).value for each in (month, streamed)]
    assert bounds[0] == bounds[1]


# What it refuses.


def test_it_says_that_it_looks_ahead_and_needs_a_tape(month: Tape) -> None:
    assert Clairvoyant.looks_ahead
    with pytest.raises(ConfigError, match=r"knows no tape: build it with Clairvoyant\.of"):
        pnl(month, Clairvoyant(), COSTS, FixedContracts(1), "next_open")


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_market_beyond_its_path_is_refused(month: Tape, mode: str) -> None:
    best = Clairvoyant.of(month.slice(None, "2024-01-10"), COSTS, sizing=FixedContracts(1))
    with pytest.raises((ConfigError, StrategyError), match="2024-01-10"):
        pnl(month, best, COSTS, FixedContracts(1), "next_open", mode=mode)


def test_a_part_of_its_tape_is_played(month: Tape) -> None:
    best = Clairvoyant.of(month, COSTS, sizing=FixedContracts(1))
    assert pnl(month.slice("2024-01-10", "2024-01-20"), best, COSTS, FixedContracts(1), "next_open") > 0.0


@pytest.mark.parametrize("levels", [(), (1.0,), (0.0, 0.0), (0.0, 2.0), (0.0, float("nan"))])
def test_levels_are_checked(levels: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="expected different numbers from -1 to 1, with 0 among them"):
        Clairvoyant(levels=levels)


def test_terms_under_which_it_would_not_be_exact_are_refused(month: Tape) -> None:
    tiers = Fees.tiers([FeeTier(volume=0, taker=5e-4, maker=0), FeeTier(volume=1e6, taker=4e-4, maker=0)])
    slow = COSTS.model_copy(update={"latency": Latency.fixed("10ms")})
    deep = COSTS.model_copy(update={"impact": Impact.square_root()})
    by_volume = COSTS.model_copy(update={"fees": tiers})
    for costs, sizing, said in (
        (slow, FixedContracts(1), "expected no latency"),
        (deep, FixedContracts(1), "expected no impact"),
        (by_volume, FixedContracts(1), "fees that depend on the volume"),
        (COSTS, EquityFraction(fraction=1.0), "expected a constant notional"),
    ):
        with pytest.raises(ConfigError, match=said):
            Clairvoyant.of(month, costs, sizing=sizing, capital=1e4)
    with pytest.raises(ConfigError, match="at most one long and one short level"):
        Clairvoyant.of(month, COSTS, sizing=FixedNotional(1e4), levels=(0.0, 0.5, 1.0))


def test_other_markets_are_refused() -> None:
    book = world_tape(consistent_market(np.random.default_rng(2), "2m", every="1s", levels=3))
    with pytest.raises(ConfigError, match="expected a market of bars, got books"):
        Clairvoyant.of(book, FREE, sizing=FixedContracts(1))
    legs = Tape.join(*map(world_tape, two_legs(np.random.default_rng(3), bars=300)))
    with pytest.raises(ConfigError, match="expected one instrument at a time, got 2"):
        Clairvoyant.of(legs, FREE, sizing=FixedContracts(1))


def test_the_example_of_the_document_runs() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "clairvoyant.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block, "clairvoyant.md", "exec"), names)
    assert names["best"].value > 0.0


class Marked(Strategy):
    """Asks for the tape."""

    looks_ahead: ClassVar[bool] = True
    bars: int = 0

    def foresee(self, tape: Tape, costs: Costs, **options: Any) -> Strategy:
        return Marked(bars=len(tape.bars))


def test_an_agent_that_asks_for_the_tape_gets_it_and_no_other(month: Tape) -> None:
    assert with_foresight(Marked(), month, COSTS, {"sizing": FixedContracts(1)}).bars == 720
    honest = SmaCross()
    assert with_foresight(honest, month, COSTS, {}) is honest
    assert looks_ahead(Marked())
    assert not looks_ahead(honest)
