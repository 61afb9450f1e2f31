"""An agent is not run on what it has learnt from, on whatever path, unless somebody says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.costs.margin import Margin
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import consistent_market
from halfspread.engine import instruments
from halfspread.engine.audit import audit
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR
from halfspread.engine.training import MARKS, TrainingRange, pause_before, ranges_text, training_range
from halfspread.errors import ConfigError, DataError
from tests.engine.worlds import FREE, LINEAR, START, bars, tape

OTHER = instruments.linear("OTHER", multiplier=1.0, lot=1.0, tick=0.5)
TERMS: Any = {"sizing": FixedContracts(1.0), "capital": 1e6, "margin": Margin.none()}


class Learnt(hs.Strategy):
    """Does nothing; has seen what it is told."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.called = 0

    def on_bar(self, market: Market) -> float:
        return 0.0


def learnt(*seen: TrainingRange) -> Any:
    agent: Any = Learnt()
    agent.trained = seen
    return agent


def run(where: Tape, *seen: TrainingRange, **more: Any) -> Any:
    return run_backtest(where, learnt(*seen), FREE, **TERMS, **more)


def hours(first: int, last: int, name: str = "custom:UNIT") -> TrainingRange:
    return TrainingRange(name, START + first * HOUR, START + last * HOUR, "")


MARKET = tape([100.0] * 48)  # two days of hours


@pytest.mark.parametrize(("first", "last"), [(-5, 1), (0, 48), (47, 99), (10, 11), (-9, 99)])
def test_any_shared_stretch_of_an_instrument_is_refused(first: int, last: int) -> None:
    with pytest.raises(ConfigError, match="Learnt was trained on custom:UNIT from"):
        run(MARKET, hours(first, last))


@pytest.mark.parametrize(("first", "last"), [(-9, 0), (48, 99)])
def test_what_ends_where_the_run_begins_is_not_shared(first: int, last: int) -> None:
    run(MARKET, hours(first, last))


def test_other_instruments_and_agents_that_learnt_nothing_are_let_through() -> None:
    run(MARKET)
    run(MARKET, hours(0, 48, "bybit:UNIT"), hours(0, 48, "custom:OTHER"))


class LooksBack(Learnt):
    """Decides from its 13th row on."""

    lookback: int = 12


@pytest.mark.parametrize("streamed", [False, True])
def test_rows_that_are_only_looked_back_on_may_be_of_the_lessons(streamed: bool, tmp_path: Path) -> None:
    where = MARKET
    if streamed:
        import pandas as pd

        pd.DataFrame(bars([100.0] * 48)).to_parquet(tmp_path / "bars.parquet")
        where = Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, interval="1h")
    agent: Any = LooksBack()
    agent.trained = (hours(-9, 12),)
    run_backtest(where, agent, FREE, **TERMS)
    agent.trained = (hours(-9, 13),)
    with pytest.raises(ConfigError, match="and the run is on custom:UNIT from 2024-01-01 12:00:00 UTC to"):
        run_backtest(where, agent, FREE, **TERMS)


def test_rows_of_a_made_up_market_that_are_only_looked_back_on_may_be_of_the_lessons_too() -> None:
    walk = Tape.from_bars(bars(np.arange(1.0, 49.0)), LINEAR, interval="1h")
    (seen,) = training_range(walk.slice(None, "2024-01-01 12:00"))
    (more,) = training_range(walk.slice(None, "2024-01-01 13:00"))
    agent: Any = LooksBack()
    for span in (seen.end, seen.end + 9 * HOUR):  # nothing is known of the rows of the longer one that are decided on
        agent.trained = (replace(seen, synthetic=True, end=span),)
        run_backtest(walk, agent, FREE, **TERMS)
    agent.trained = (replace(more, synthetic=True),)
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(walk, agent, FREE, **TERMS)


def test_an_agent_that_tells_its_lookback_only_after_its_reset_counts_from_the_first_row() -> None:
    class Late(Learnt):
        @property
        def lookback(self) -> int:  # type: ignore[override]
            return self.called

    agent: Any = Late()
    agent.trained = (hours(-9, 1),)
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(MARKET, agent, FREE, **TERMS)


def test_the_message_names_instrument_both_ranges_and_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        run(MARKET, hours(-9, 0), hours(-5, 12))
    assert str(caught.value) == (
        "Learnt was trained on custom:UNIT from 2023-12-31 19:00:00 UTC to 2024-01-01 12:00:00 UTC, and the run is on "
        "custom:UNIT from 2024-01-01 00:00:00 UTC to 2024-01-03 00:00:00 UTC: what it earns on data that it has seen "
        "says nothing; run it from 2024-01-01 12:00:00 UTC on (start in a config, or tape.slice), train it on earlier "
        "data, or pass in_sample=True to judge it on them nevertheless"
    )


def test_one_instrument_of_several_is_enough() -> None:
    both = Tape.join(MARKET, Tape.from_bars(bars([10.0] * 48), OTHER, interval="1h"))
    with pytest.raises(ConfigError, match="trained on custom:OTHER"):
        run(both, hours(4, 5, "custom:OTHER"))


def test_who_asks_for_it_may_judge_on_what_was_seen() -> None:
    run(MARKET, hours(0, 48), in_sample=True)


def test_the_front_door_and_a_streamed_market_refuse_too(tmp_path: Path) -> None:
    import pandas as pd

    costs = hs.Costs(half_spread=hs.HalfSpread.bps(1.0), fees=hs.Fees.none(), funding=hs.Funding.none())
    with pytest.raises(ConfigError, match="was trained on"):
        hs.backtest(MARKET, learnt(hours(0, 2)), costs, sizing=hs.FixedContracts(1), capital=1e6)
    hs.backtest(MARKET, learnt(hours(0, 2)), costs, sizing=hs.FixedContracts(1), capital=1e6, in_sample=True)
    pd.DataFrame(bars([100.0] * 48)).to_parquet(tmp_path / "bars.parquet")
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, interval="1h")
    with pytest.raises(ConfigError, match="was trained on"):
        run(streamed, *training_range(streamed))


def test_an_audit_judges_nothing_and_goes_on() -> None:
    assert audit(MARKET, lambda: learnt(hours(0, 48)), FREE, **TERMS).passed


def test_the_range_of_a_tape_has_the_span_and_the_hash_of_each_instrument() -> None:
    other = Tape.from_bars(bars(np.arange(1.0, 201.0)), OTHER, interval="1h")
    one, two = training_range(Tape.join(MARKET, other))
    assert (one.instrument, one.start, one.end) == ("custom:UNIT", START, START + 2 * DAY)
    assert (two.instrument, two.start, two.end) == ("custom:OTHER", START, START + 200 * HOUR)
    assert (one,) == training_range(MARKET)
    assert one.data != two.data
    assert len(one.marks) == 48
    assert len(two.marks) == MARKS
    changed = bars(np.arange(1.0, 201.0))
    changed["volume"][77] += 1.0
    assert training_range(Tape.from_bars(changed, OTHER, interval="1h"))[0].data != two.data
    assert ranges_text([one]) == "custom:UNIT from 2024-01-01 00:00:00 UTC to 2024-01-03 00:00:00 UTC"


@pytest.mark.parametrize(
    "given",
    [
        {"start": "a"},
        {"end": 1e300},
        {"end": 10**31},
        {"start": True},
        {"instrument": 5},
        {"data": 7},
        {"synthetic": "no"},
        {"marks": ((10**30, "x"),)},
        {"marks": 3},
        {"marks": (5,)},
        {"start": -(2**63)},
    ],
)
def test_ranges_of_other_types_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="training range"):
        TrainingRange(**{"instrument": "x", "start": 4, "end": 5, "data": "", **given})


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="begins at 5 and ends at 4"):
        TrainingRange("x", 5, 4, "")
    with pytest.raises(DataError, match="marks"):
        TrainingRange("x", 4, 5, "", marks=((1,),))  # type: ignore[arg-type]


# What was learnt later, or goes on.


def later_warnings(where: Tape, *seen: TrainingRange, **more: Any) -> list[str]:
    return [each for each in run(where, *seen, **more).warnings if "had not come yet" in each]


@pytest.mark.parametrize("name", ["custom:UNIT", "custom:OTHER"])
def test_who_has_learnt_from_later_times_is_told_of_whatever_the_instrument(name: str) -> None:
    assert later_warnings(MARKET, hours(48, 99, name)) == [
        f"Learnt was trained on {name} from 2024-01-03 00:00:00 UTC to 2024-01-05 03:00:00 UTC, and decides from "
        "2024-01-01 00:00:00 UTC on: it has learnt from times that had not come yet, so nobody could have traded like "
        "that"
    ]
    assert later_warnings(MARKET, hours(-9, 0, name)) == []
    assert later_warnings(MARKET, replace(hours(48, 99, name), synthetic=True)) == []
    assert len(later_warnings(MARKET, hours(48, 99, name), in_sample=True)) == 1


def test_who_has_learnt_from_the_same_times_of_another_instrument_is_told_of() -> None:
    assert len(later_warnings(MARKET, hours(-9, 20, "custom:OTHER"))) == 1


def going_on(after: int, lookback: int = 2, kind: Any = LooksBack) -> Any:
    """An agent that has seen the market from long ago to so many hours after its beginning, and goes on from there."""
    agent: Any = kind(lookback=lookback)
    agent.trained = (hours(-99, after),)
    agent.goes_on_from = START + after * HOUR
    return agent


def test_nobody_goes_on_in_mid_stream_before_where_it_has_stopped() -> None:
    agent = going_on(99)
    agent.trained = (hours(60, 99),)
    with pytest.raises(ConfigError, match=r"goes on from what it had become by 2024-01-05 03:00:00 UTC, and decides"):
        run_backtest(MARKET, agent, FREE, **TERMS)
    run_backtest(MARKET, agent, FREE, in_sample=True, **TERMS)
    agent.trained = (replace(hours(60, 99), synthetic=True),)
    run_backtest(MARKET, agent, FREE, **TERMS)


@pytest.mark.parametrize(("after", "pause"), [(2, None), (1, HOUR), (0, 2 * HOUR), (-30, 32 * HOUR), (3, -HOUR)])
def test_rows_between_its_lessons_and_its_first_decision_are_a_pause(after: int, pause: int | None) -> None:
    assert pause_before(MARKET, going_on(after), 2, "bars") == pause
    assert pause_before(MARKET, learnt(hours(-99, after)), 2, "bars") is None


def test_a_gap_of_the_market_is_no_pause() -> None:
    table = bars([100.0] * 48)
    kept = np.setdiff1d(np.arange(48), range(5, 20))
    holed = Tape.from_bars({name: np.asarray(values)[kept] for name, values in table.items()}, LINEAR, interval="1h")
    assert pause_before(holed, going_on(5, 5), 5, "bars") is None
    assert pause_before(holed, going_on(8, 5), 5, "bars") is None
    assert pause_before(holed, going_on(4, 5), 5, "bars") == 16 * HOUR


def test_of_several_instruments_it_decides_once_all_have_the_rows_that_it_looks_back_on() -> None:
    table = bars([10.0] * 48)
    kept = np.setdiff1d(np.arange(48), range(3, 10))
    other = Tape.from_bars({name: np.asarray(values)[kept] for name, values in table.items()}, OTHER, interval="1h")
    both = Tape.join(MARKET, other)

    class Both(LooksBack):
        def on_bar(self, market: Market) -> Any:
            return [0.0, 0.0]

    agent: Any = Both(lookback=3)
    agent.trained = (hours(-9, 10),)
    run_backtest(both, agent, FREE, **TERMS)
    agent.trained = (hours(-9, 11),)
    with pytest.raises(ConfigError, match="and the run is on custom:UNIT from 2024-01-01 10:00:00 UTC"):
        run_backtest(both, agent, FREE, **TERMS)


# Markets that were made up.


def synthetic(seed: int) -> Tape:
    return SyntheticMarket(days=4, interval="1h").tape(np.random.default_rng(seed))


def free(where: Tape, *seen: TrainingRange) -> None:
    costs = hs.Costs(half_spread=hs.HalfSpread.none(), fees=hs.Fees.none(), funding=hs.Funding.none())
    run_backtest(where, learnt(*seen), costs, **TERMS)


def test_the_same_dates_of_another_made_up_market_are_let_through() -> None:
    free(synthetic(2), *training_range(synthetic(1)))


@pytest.mark.parametrize(("first", "last"), [(0, 96), (0, 50), (40, 96), (30, 40)])
def test_any_part_of_the_same_made_up_market_is_refused(first: int, last: int) -> None:
    whole = synthetic(1)
    first_time = whole.start_ns
    part = whole.slice(first_time + first * HOUR, first_time + last * HOUR)
    with pytest.raises(ConfigError, match="was trained on bybit:BTCUSDT"):
        free(part, *training_range(whole))
    with pytest.raises(ConfigError, match="was trained on bybit:BTCUSDT"):
        free(whole, *training_range(part))


def test_what_comes_after_the_training_part_of_a_made_up_market_is_let_through() -> None:
    whole = synthetic(1)
    middle = whole.start_ns + 50 * HOUR
    free(whole.slice(middle, None), *training_range(whole.slice(None, middle)))


def test_a_made_up_market_has_nothing_to_do_with_the_real_one_of_its_name() -> None:
    made = synthetic(1)
    real = replace(made, feeds=tuple(replace(feed, synthetic=False) for feed in synthetic(2).feeds))
    free(real, *training_range(made))
    free(made, *training_range(real))


def test_the_same_rows_under_another_name_are_refused() -> None:
    moves = bars(100.0 + np.random.default_rng(1).integers(0, 9, 48))
    one, two = (Tape.from_bars(moves, each, interval="1h") for each in (LINEAR, OTHER))
    with pytest.raises(ConfigError, match=r"trained on custom:UNIT from .* run is on custom:OTHER"):
        run(two, *training_range(one))


def scanned(path: Path, instrument: Any, moves: dict[str, Any]) -> Tape:
    import pandas as pd

    pd.DataFrame(moves).to_parquet(path)
    return Tape.scan_bars(path, instrument, interval="1h")


def test_a_streamed_market_is_marked_as_the_same_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("halfspread.engine.parquet.BLOCK_ROWS", 17)  # blocks end between marks and at them
    moves = bars(100.0 + np.random.default_rng(1).integers(0, 9, 400))
    assert training_range(scanned(tmp_path / "bars.parquet", LINEAR, moves)) == training_range(
        Tape.from_bars(moves, LINEAR, interval="1h")
    )


def test_the_same_rows_streamed_under_another_name_are_refused(tmp_path: Path) -> None:
    moves = bars(100.0 + np.random.default_rng(1).integers(0, 9, 48))
    seen = training_range(Tape.from_bars(moves, LINEAR, interval="1h"))
    with pytest.raises(ConfigError, match=r"trained on custom:UNIT from .* run is on custom:OTHER"):
        run(scanned(tmp_path / "same.parquet", OTHER, moves), *seen)
    others = bars(100.0 + np.random.default_rng(2).integers(0, 9, 48))
    run(scanned(tmp_path / "others.parquet", OTHER, others), *seen)


def test_trades_at_one_time_that_fall_into_two_blocks_are_marked_by_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    rng = np.random.default_rng(3)
    made = {"ts": START + HOUR * np.sort(rng.integers(0, 40, 300)), "price": 100.0 + rng.integers(0, 9, 300)}
    frame = pd.DataFrame({**made, "size": 1.0 + rng.integers(0, 9, 300), "side": 1})
    frame.to_parquet(tmp_path / "trades.parquet")
    monkeypatch.setattr("halfspread.engine.parquet.BLOCK_ROWS", 7)
    streamed = Tape.scan(LINEAR, trades=tmp_path / "trades.parquet")
    assert training_range(streamed)[0].marks == training_range(Tape.from_trades(frame, LINEAR))[0].marks


def test_worlds_of_books_are_made_up_and_compared_by_their_rows() -> None:
    one, two = (world_tape(consistent_market(np.random.default_rng(i), "1m", every="1s", levels=2)) for i in (1, 2))
    assert all(feed.synthetic for feed in (*one.feeds, *two.feeds))
    costs = hs.Costs(half_spread=hs.HalfSpread.from_quotes(), fees=hs.Fees.none(), funding=hs.Funding.none())
    run_backtest(two, learnt(*training_range(one)), costs, **TERMS)
    with pytest.raises(ConfigError, match="was trained on"):
        run_backtest(one, learnt(*training_range(one)), costs, **TERMS)


def test_a_tape_that_is_made_up_stays_so_when_it_is_cut_and_joined() -> None:
    made = synthetic(1)
    cut = made.slice(made.start_ns + DAY, None)
    assert cut.feeds[0].synthetic
    joined = Tape.join(cut, MARKET)
    assert [feed.synthetic for feed in joined.feeds] == [True, False]
    assert made.hash() == replace(made, feeds=tuple(replace(each, synthetic=False) for each in made.feeds)).hash()
