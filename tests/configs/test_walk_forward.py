"""Walk-forward: what a learner is shown, what is traded, and what is stitched."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.rrl.moody import Rrl
from halfspread.configs.leaving import leaving_costs
from halfspread.configs.walk_forward import Choice, Terms, WalkForward, walk_forward
from halfspread.configs.windows import Schedule
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine import instruments
from halfspread.engine.bars import Bars
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.session import Options
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR
from halfspread.errors import ConfigError
from halfspread.reports.protocol import ATTRIBUTION
from halfspread.reports.result import Result
from halfspread.strategies import BuyAndHold, SmaCross, Strategy
from tests.engine.worlds import FREE, LINEAR, START, bars, tape

COSTS = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())
CHARGED = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=1e-2, maker=0.0), funding=Funding.none())
OPTIONS: Options = {"sizing": FixedNotional(10_000), "margin": Margin.none()}


class Spy:
    """Keeps what it was shown."""

    def __init__(self, agent: Any) -> None:
        self.agent, self.tapes, self.draws = agent, list[Tape](), list[float]()

    def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
        self.tapes.append(tape)
        self.draws.append(float(rng.random()))
        return self.agent


class Times(Strategy):
    """Long always; notes when it was asked and how many rows stood before."""

    lookback: int = 3

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.times: list[int] = []
        seen.append(self.times)

    def on_bar(self, market: Market) -> float:
        assert len(market.history("close")) == self.lookback + 1
        self.times.append(market.time)
        return 1.0


seen: list[list[int]] = []


@pytest.fixture(scope="module")
def market() -> Tape:
    """Sixty days of hours."""
    return SyntheticMarket(days=60, interval="1h").tape(np.random.default_rng(1))


@pytest.fixture(scope="module")
def result(market: Tape) -> WalkForward:
    return walk_forward(market, choice(), COSTS, Schedule.of("20d", "9d", purge="1d", embargo="12h"), **OPTIONS)


def choice(metric: str = "information_ratio", workers: int = 1) -> Choice:
    settings = [(fast, slow) for fast in (2, 5) for slow in (10, 30, 60)]
    makers = [lambda fast=fast, slow=slow: SmaCross(fast=fast, slow=slow) for fast, slow in settings]
    return Choice(makers, Terms(COSTS, OPTIONS), metric, workers)


# What is shown.


def test_a_learner_is_shown_its_training_window_and_not_a_bar_more(market: Tape) -> None:
    spy = Spy(BuyAndHold())
    schedule = Schedule.of("20d", "10d", purge="1d", embargo="12h", anchored=True)
    walk_forward(market, spy, COSTS, schedule, **OPTIONS)
    windows = schedule.windows(market.start_ns, market.end_ns)
    assert len(spy.tapes) == len(windows) == 4
    for shown, window in zip(spy.tapes, windows, strict=True):
        assert shown.start_ns == window.train_start == market.start_ns
        assert shown.end_ns == window.train_end
        assert window.test_start - shown.end_ns == DAY + 12 * HOUR


def arrays_within(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """All arrays that can be reached, and the arrays that they are views of."""
    while isinstance(value, np.ndarray):
        yield value
        value = value.base
    if is_dataclass(value):
        value = vars(value)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        yield from arrays_within(part)


def test_nothing_behind_a_training_window_can_be_reached_from_its_tape() -> None:
    """Neither rows, which a slice of the market shares with the whole, nor what stands beside them."""
    hours = pd.date_range("2024-01-01", periods=60 * 24, freq="h", tz="UTC")
    prices = pd.DataFrame({"ts": hours, "price": 100.0 + np.arange(len(hours))})
    columns = [
        *("open", "high", "low", "close"),
        *(f"{side}_{at}" for side in ("bid", "ask") for at in ("open", "close")),
    ]
    frame = prices[["ts"]].assign(**dict.fromkeys(columns, prices["price"]), volume=1.0)
    funding = pd.DataFrame({"ts": pd.date_range("2024-01-01", periods=184, freq="8h", tz="UTC"), "rate": 1e-4})
    funding["known_ts"] = funding["ts"] - pd.Timedelta(hours=8)
    gap = [(pd.Timestamp("2024-03-01", tz="UTC"), pd.Timestamp("2024-03-02", tz="UTC"))]
    instrument = instruments.get("bybit:BTCUSDT")
    whole = Tape.from_bars(frame, instrument, funding=funding, mark=prices, index=prices, gaps=gap)
    spy = Spy(BuyAndHold())
    schedule = Schedule.of("20d", "10d", anchored=True)
    walk_forward(whole, spy, COSTS, schedule, **OPTIONS)
    for shown, window in zip(spy.tapes, schedule.windows(whole.start_ns, whole.end_ns), strict=True):
        (feed,) = shown.feeds
        assert isinstance(feed.bars, Bars)
        assert feed.funding is not None
        assert feed.mark is not None
        assert feed.index is not None
        assert feed.bars.times[-1] == window.train_end - HOUR
        assert feed.mark.times[-1] == feed.index.times[-1] == feed.funding.known_times[-1] == window.train_end
        assert feed.funding.times[-1] == window.train_end + 8 * HOUR
        assert (shown.gaps, shown.shared) == ((), {})
        longest = {len(feed.bars), len(feed.mark.times)}
        assert {len(each) for each in arrays_within(shown) if each.ndim} <= longest | {len(feed.funding)}
        assert not any(each.flags.writeable for each in arrays_within(shown))
        part = whole.slice(end=pd.Timestamp(window.train_end, tz="UTC"))
        one, two = (run_backtest(each, BuyAndHold(), COSTS, **OPTIONS) for each in (part, shown))
        assert one.attribution == two.attribution


def test_an_agent_first_decides_at_the_close_of_the_first_test_bar_with_its_lookback_before(market: Tape) -> None:
    seen.clear()
    schedule = Schedule.of("20d", "20d")
    walk_forward(market, Spy(Times()), COSTS, schedule, **OPTIONS)
    tests = seen[1::2]  # runs of training windows between them
    for times, window in zip(tests, schedule.windows(market.start_ns, market.end_ns), strict=True):
        assert times[0] == window.test_start + HOUR
        assert times[-1] == window.test_end
        assert len(times) == 20 * 24


def test_randomness_differs_between_windows_and_is_repeated(market: Tape) -> None:
    draws = []
    for seed in (0, 0, 1):
        spy, options = Spy(BuyAndHold()), OPTIONS.copy()
        options["seed"] = seed
        walk_forward(market, spy, COSTS, Schedule.of("20d", "10d"), **options)
        draws.append(spy.draws)
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == len(draws[0])


# What is chosen.


def test_the_setting_that_was_best_in_the_training_window_is_taken(market: Tape, result: WalkForward) -> None:
    for run in result.windows:
        train = market.slice(*(np.datetime64(time, "ns") for time in (run.window.train_start, run.window.train_end)))
        ratios = {}
        for fast in (2, 5):
            for slow in (10, 30, 60):
                one = run_backtest(train, SmaCross(fast=fast, slow=slow), COSTS, **OPTIONS)
                pnl = Result.of(one).daily()["pnl"].to_numpy().copy()
                left = leaving_costs(train, COSTS, one)
                pnl[-1] += (left["half_spread"] + left["fee"]) / one.notional
                ratios[fast, slow] = pnl.mean() / pnl.std() * math.sqrt(365)
        best = max(ratios, key=lambda key: ratios[key])
        assert (run.parameters["fast"], run.parameters["slow"]) == best
        assert run.in_sample == pytest.approx(ratios[best], rel=1e-9)


@pytest.mark.parametrize(
    ("metric", "best"), [("max_drawdown", min), ("cost_per_turnover", min), ("positive_days", max)]
)
def test_the_best_is_the_least_of_a_drawdown_and_the_most_of_a_gain(market: Tape, metric: str, best: Any) -> None:
    def run(learner: Choice) -> float:
        found = walk_forward(market, learner, COSTS, Schedule.of("30d", "30d"), metric=metric, **OPTIONS)
        return found.windows[0].in_sample

    terms = Terms(COSTS, OPTIONS)
    makers = [lambda slow=slow: SmaCross(fast=5, slow=slow) for slow in (10, 30, 60)]
    alone = [run(Choice([maker], terms, metric)) for maker in makers]
    assert len(set(alone)) == 3
    assert run(Choice(makers, terms, metric)) == best(alone)


def test_results_do_not_depend_on_the_number_of_workers(market: Tape, result: WalkForward) -> None:
    schedule = result.schedule
    again = walk_forward(market, choice(workers=2), COSTS, schedule, **OPTIONS)
    assert again.days.equals(result.days)
    assert again.table().equals(result.table())


def test_it_stays_flat_where_no_setting_has_the_metric(market: Tape) -> None:
    class Late(Choice):
        calls = 0

        def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
            self.calls += 1
            return super().fit(tape, rng) if self.calls > 1 else None

    found = walk_forward(market, Late([BuyAndHold], Terms(COSTS, OPTIONS)), COSTS, Schedule.of("20d", "20d"), **OPTIONS)
    assert [run.result is None for run in found.windows] == [True, False]
    assert found.windows[0].pnl == 0.0
    assert len(found.days) == 40
    assert found.metrics["windows_traded"] == 1
    idle = Choice([lambda: BuyAndHold(position=0.0)], Terms(COSTS, OPTIONS))
    with pytest.raises(ConfigError, match="nothing was chosen in any training window"):
        walk_forward(market, idle, COSTS, Schedule.of("20d", "20d"), **OPTIONS)


def test_what_was_chosen_of_agents_that_learn_while_they_trade_goes_on_from_the_training_window(market: Tape) -> None:
    window = market.slice(None, market.start_ns + 20 * DAY)
    makers = [lambda: Rrl(features=("momentum(2)",)), lambda: Rrl(features=("momentum(2)",), learning_rate=0.3)]
    agent = Choice(makers, Terms(COSTS, OPTIONS)).fit(window, np.random.default_rng(0))
    assert agent.goes_on_from == window.end_ns


def test_a_last_test_of_less_than_half_the_length_has_no_metric_but_counts(market: Tape) -> None:
    found = walk_forward(market, choice(), COSTS, Schedule.of("20d", "18d"), **OPTIONS)
    assert [math.isnan(run.out_of_sample) for run in found.windows] == [False, False, True]
    assert found.windows[2].pnl != 0.0
    assert found.metrics["total_return"] == pytest.approx(sum(run.pnl for run in found.windows) / found.notional)
    kept = found.windows[:2]
    assert found.metrics["out_of_sample"] == pytest.approx(np.median([run.out_of_sample for run in kept]))
    assert found.metrics["in_sample"] == pytest.approx(np.median([run.in_sample for run in kept]))


def test_windows_in_a_gap_of_the_data_stay_flat(market: Tape) -> None:
    table = SyntheticMarket(days=60, interval="1h").generate(np.random.default_rng(1)).bars_frame()
    times = pd.to_datetime(table["ts"], utc=True)
    first = times.iloc[0]
    kept = table[(times < first + pd.Timedelta("20D")) | (times >= first + pd.Timedelta("41D"))]
    holed = Tape.from_bars(kept, market.instrument, interval="1h")
    costs = Costs(half_spread=HalfSpread.bps(1.0), fees=Fees.venue(), funding=Funding.none())
    spy = Spy(BuyAndHold())
    found = walk_forward(holed, spy, costs, Schedule.of("10d", "10d"), **OPTIONS)
    # Tests from day 10, 20, 30, 40 and 50: two lie in the gap, one has nothing to train on.
    assert [run.traded for run in found.windows] == [True, False, False, False, True]
    assert len(spy.tapes) == 2
    assert len(found.days) == 50


# What is stitched.


def test_the_stitched_pnl_is_the_sum_of_the_windows(result: WalkForward) -> None:
    total = sum(run.pnl for run in result.windows)
    parts = math.fsum(result.attribution[name] for name in ATTRIBUTION)
    assert parts == pytest.approx(total, rel=1e-12)
    assert result.daily()["pnl"].sum() * result.notional == pytest.approx(total, rel=1e-12)
    assert result.metrics["total_return"] == pytest.approx(total / result.notional, rel=1e-12)
    assert result.metrics["days"] == len(result.days) == 40  # from noon of day 20.5 on


def test_leaving_is_part_of_the_attribution_and_told_apart(market: Tape) -> None:
    found = walk_forward(market, Spy(BuyAndHold()), COSTS, Schedule.of("20d", "20d"), **OPTIONS)
    runs = [run.result for run in found.windows]
    inside = math.fsum(run.attribution["fee"] for run in runs if run is not None)
    assert found.leaving["fee"] < 0.0
    assert found.attribution["fee"] == pytest.approx(inside + found.leaving["fee"])
    paid = found.leaving["fee"] + found.leaving["half_spread"]
    assert found.metrics["leaving_return"] == pytest.approx(paid / found.notional)


def test_a_window_is_its_own_backtest_less_the_costs_of_leaving(market: Tape, result: WalkForward) -> None:
    for run in result.windows:
        assert run.result is not None
        bars_before = int(run.parameters["slow"]) - 1
        start, end = run.window.test_start - bars_before * HOUR, run.window.test_end
        part = market.slice(*(np.datetime64(time, "ns") for time in (start, end)))
        agent = SmaCross(fast=int(run.parameters["fast"]), slow=int(run.parameters["slow"]))
        alone = run_backtest(part, agent, COSTS, **OPTIONS)
        left = leaving_costs(part, COSTS, alone)
        assert run.pnl == pytest.approx(alone.pnl + left["half_spread"] + left["fee"], rel=1e-9)


def test_days_of_one_window_are_those_of_its_result(market: Tape) -> None:
    flat = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    found = walk_forward(market, Spy(BuyAndHold()), flat, Schedule.of("20d", "40d"), **OPTIONS)
    (run,) = found.windows
    assert run.result is not None
    expected = Result.of(run.result).daily()
    assert found.daily()["pnl"].to_numpy() == pytest.approx(expected["pnl"].to_numpy(), abs=1e-12)
    assert list(found.days.index) == list(expected.index)


def test_windows_of_contracts_are_summed_in_one_unit() -> None:
    closes = [100.0 * 1.01**i for i in range(24 * 8)]
    found = walk_forward(
        tape(closes), Spy(BuyAndHold()), FREE, Schedule.of("2d", "2d"), sizing=FixedContracts(1), margin=Margin.none()
    )
    # Three windows: bought at the open of the second bar of each, which is the close of the first, and held to the end.
    firsts, lasts = [48, 96, 144], [95, 143, 191]
    expected = sum(closes[last] - closes[first] for first, last in zip(firsts, lasts, strict=True))
    assert found.attribution["total"] == pytest.approx(expected)
    assert found.notional == pytest.approx(closes[48])
    assert found.metrics["total_return"] == pytest.approx(expected / closes[48])


def test_leaving_is_charged_like_a_trade_worked_by_hand() -> None:
    # Long one contract at 110: sold at 109.5, which costs 0.5 and 1 % of 109.5.
    market = tape([100.0, 100.0, 110.0])
    held = run_backtest(market, BuyAndHold(), CHARGED, sizing=FixedContracts(1), margin=Margin.none())
    assert leaving_costs(market, CHARGED, held) == pytest.approx(
        {"half_spread": -0.5, "fee": -1.095, "turnover": 109.5}
    )
    short = run_backtest(market, BuyAndHold(position=-1.0), CHARGED, sizing=FixedContracts(1), margin=Margin.none())
    assert leaving_costs(market, CHARGED, short)["fee"] == pytest.approx(-1.105)
    none = run_backtest(market, BuyAndHold(position=0.0), CHARGED, sizing=FixedContracts(1), margin=Margin.none())
    assert set(leaving_costs(market, CHARGED, none).values()) == {0.0}


@pytest.mark.parametrize("kind", ["linear", "inverse"])
@pytest.mark.parametrize("spread", [HalfSpread.bps(5.0), HalfSpread.ticks(2), HalfSpread.by_hour([3.0] * 24)])
def test_leaving_costs_what_the_engine_charges_at_that_price(kind: str, spread: HalfSpread) -> None:
    instrument = LINEAR if kind == "linear" else instruments.inverse("INV", multiplier=1.0, lot=1.0, tick=0.5)
    costs = Costs(half_spread=spread, fees=Fees(taker=1e-3, maker=0.0), funding=Funding.none())
    market = Tape.from_bars(bars([100.0, 110.0, 120.0, 120.0]), instrument, interval="1h")

    class Leaves(Strategy):
        at: int

        def reset(self, rng: np.random.Generator, instruments: Any) -> None:
            self.calls = 0

        def on_bar(self, market: Market) -> float:
            self.calls += 1
            return 1.0 if self.calls < self.at else 0.0

    options: Options = {"sizing": FixedContracts(10), "margin": Margin.none()}
    stays = run_backtest(market, Leaves(at=9), costs, **options)
    leaves = run_backtest(market, Leaves(at=3), costs, **options)  # at the open of the last bar, 120 as its close
    left = leaving_costs(market, costs, stays)
    for name in ("half_spread", "fee"):
        assert left[name] == pytest.approx(leaves.attribution[name] - stays.attribution[name], rel=1e-9)
    assert left["turnover"] == pytest.approx(leaves.turnover - stays.turnover, rel=1e-9)


# What it is for.


def dying_edge(seed: int) -> Tape:
    """A year of hours: moves follow each other in the first half, and do not in the second."""
    rng = np.random.default_rng(seed)
    noise, moves = rng.normal(0.0, 0.004, 365 * 24), np.zeros(365 * 24)
    for i in range(1, len(moves)):
        moves[i] = noise[i] + (0.4 * moves[i - 1] if i < len(moves) // 2 else 0.0)
    closes = 100.0 * np.exp(np.cumsum(moves))
    table = bars(closes)
    return Tape.from_bars(table, instruments.linear("UNIT", lot=1e-6, tick=1e-6), interval="1h")


class Follow(Strategy):
    """Follows, or fades, the last move."""

    sign: float = 1.0
    lookback: int = 1

    def reset(self, rng: np.random.Generator, instruments: Any) -> None: ...

    def on_bar(self, market: Market) -> float:
        closes = market.history("close")
        return self.sign if closes[1] > closes[0] else -self.sign


def test_an_edge_that_dies_half_way_is_seen_as_such() -> None:
    terms = Terms(FREE, OPTIONS)
    settings = Choice([lambda: Follow(sign=1.0), lambda: Follow(sign=-1.0)], terms)
    found = walk_forward(dying_edge(1), settings, FREE, Schedule.of("60d", "30d"), **OPTIONS)
    middle = START + 365 * DAY // 2
    alive = [run for run in found.windows if run.window.test_end <= middle]
    dead = [run for run in found.windows if run.window.train_start >= middle]
    dying = [run for run in found.windows if run.window.train_end <= middle + 15 * DAY and run not in alive]
    assert all(run.parameters["sign"] == 1.0 and run.out_of_sample > 5.0 for run in alive)
    assert all(run.in_sample > 5.0 for run in dying)
    assert dying[-1].out_of_sample < 5.0
    assert np.nanmean([run.out_of_sample for run in dead]) < 3.0  # the last test is too short for a ratio
    assert found.metrics["in_sample"] > found.metrics["out_of_sample"] + 1.0
    halves = found.daily()["pnl"].to_numpy()
    assert halves[:120].sum() > 4 * abs(halves[-120:].sum())


def test_a_learner_that_knows_its_training_window_by_heart_gains_nothing_after_it() -> None:
    """The best path in hindsight of the training window is no agent for the next one: it refuses to go on."""
    market = dying_edge(2).slice(None, "2024-03-01")

    class ByHeart:
        def fit(self, tape: Tape, rng: np.random.Generator) -> Any:
            return Clairvoyant.of(tape, FREE, **OPTIONS)

    with pytest.raises(Exception, match="Clairvoyant"):
        walk_forward(market, ByHeart(), FREE, Schedule.of("30d", "30d"), **OPTIONS)


def test_bad_input_is_refused(market: Tape) -> None:
    with pytest.raises(ConfigError, match=r"metric: expected one of total_return, .*, got 'luck'"):
        choice("luck")
    with pytest.raises(ConfigError, match="metric: expected one of"):
        walk_forward(market, choice(), COSTS, Schedule.of("20d", "10d"), metric="luck", **OPTIONS)
    with pytest.raises(ConfigError, match="at least one setting"):
        Choice([], Terms(COSTS, OPTIONS))
    with pytest.raises(ConfigError, match="leaves nothing to test"):
        walk_forward(market, choice(), COSTS, Schedule.of("60d", "10d"), **OPTIONS)


def test_the_examples_of_the_document_run() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "walk_forward.md"
    names: dict[str, Any] = {"__name__": "example"}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(block, str(page), "exec"), names)
    assert len(names["found"].table()) == 3
