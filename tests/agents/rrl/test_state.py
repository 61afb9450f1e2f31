"""An agent that is stopped, saved, loaded and goes on decides what it would have decided without the stop, bit for bit;
and its weights can be taken to other markets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import halfspread as hs
from halfspread.agents.features import FeatureSet
from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import esn_records, moody_records, sarsa_records
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.covariance import unpacked
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.agents.rrl.gated_constant import GatedConstant
from halfspread.agents.rrl.moody import Rrl
from halfspread.agents.rrl.online_trader import Gate
from halfspread.agents.rrl.sarsa import EsnSarsa
from halfspread.agents.rrl.state import of_later
from halfspread.costs import Funding
from halfspread.engine.audit import audit
from halfspread.engine.instruments import linear
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, MINUTE
from halfspread.errors import ConfigError
from tests.agents.rrl.worlds import FINE, Floats, autoregressive, market, paying, run
from tests.engine.worlds import START, funding

SMALL = ReservoirSettings(size=12, leak=0.7)
GATE = Gate(decay=0.99, every=50)
FEATURES = ("momentum(4)", "volume_score(20)", "scaled_return(1, 20)")
ROWS = 900
COSTS = paying(2e-4, half=0.01, funding=Funding.published())

#: Positions are what was decided, whatever the price.
CONTRACTS: Any = {"sizing": hs.FixedContracts(1e9), "capital": 1e9}

AGENTS: dict[str, Any] = {
    "gated_constant": (GatedConstant, {}),
    "rrl": (Rrl, {"features": FEATURES, "gate": GATE}),
    "esn_sarsa": (
        EsnSarsa,
        {"features": FEATURES, "reservoir": SMALL, "gate": GATE, "trace_decay": 0.5, "halving": 300},
    ),
    "esn_rrl": (EsnRrl, {"features": FEATURES, "reservoir": SMALL, "gate": GATE, "units": "bp"}),
    "exact": (EsnRrl, {"features": FEATURES, "reservoir": SMALL, "gradient": "exact", "feedback": 3, "units": "bp"}),
    "lags": (EsnRrl, {"features": (), "reservoir": "none", "gradient": "lags", "gate": GATE, "on_gap": "reset"}),
}


def made(name: str, **more: Any) -> Any:
    kind, parameters = AGENTS[name]
    return kind(**{**parameters, **more})


def a_market(instrument: Any = FINE, seed: int = 3) -> Tape:
    rates = funding({8.0 * i: 1e-4 * (-1) ** i for i in range(1, 10)})
    returns = autoregressive(ROWS, seed=seed)
    return market(returns, instrument, skip=range(700, 720), funding=rates)


def part(tape: Tape, first: int | None, last: int | None) -> Tape:
    """Bars of the market from one number to before another."""
    return tape.slice(
        *(None if row is None else pd.Timestamp(START + row * 5 * MINUTE, tz="UTC") for row in (first, last))
    )


def rest(tape: Tape, cut: int, lookback: int) -> Tape:
    """Bars from a number on, and those looked back on before them, wherever gaps are."""
    times = next(iter(tape.feeds[0].blocks("bars"))).times
    first = int(np.searchsorted(times, START + cut * 5 * MINUTE)) - lookback
    return tape.slice(pd.Timestamp(int(times[first]), tz="UTC"), None)


def what_it_became(memory: Floats) -> bytes:
    """All but what is of one run: what was held on the account."""
    memory = memory.copy()
    places: Any = memory[: at.HEADER].view(np.int64)
    memory[places[at.OWN] : places[at.INPUT]] = 0.0
    plan, kept = memory[places[at.PLAN] : places[at.KEPT]], memory[places[at.KEPT] : places[at.OWN]]
    kept[:] = of_later(plan, kept, 0)  # rows are counted from the beginning of a run
    return memory.tobytes()


def decisions(result: Any) -> list[tuple[int, float]]:
    """Time and position after each change of it."""
    fills = result.fills
    return list(zip(fills["time"].astype("int64"), fills["position_after"], strict=True))


def held_at(found: list[tuple[int, float]], time: int) -> float:
    return next((position for when, position in reversed(found) if when <= time), 0.0)


@pytest.mark.parametrize("cut", [96, 333, 525])
@pytest.mark.parametrize("name", AGENTS)
def test_stopped_saved_and_loaded_it_goes_on_with_the_same_bits(name: str, cut: int, tmp_path: Path) -> None:
    """The cuts: at a settlement of funding, and in the middle of a day and of a period of the gate."""
    tape = a_market()
    whole = made(name)
    all_of_it = run(tape, whole, COSTS, **CONTRACTS)
    first = made(name)
    run(part(tape, None, cut), first, COSTS)
    file = first.save(tmp_path / "agent.npz", part(tape, None, cut))
    second = made(name, state_file=str(file))
    after = run(part(tape, cut - second.lookback, None), second, COSTS, **CONTRACTS)
    assert what_it_became(second.left_behind) == what_it_became(whole.left_behind)
    expected, found = decisions(all_of_it), decisions(after)
    for i in range(cut, ROWS + 1):
        when = START + (i + 1) * 5 * MINUTE
        assert held_at(found, when) == held_at(expected, when)
    assert len(expected) > 3
    counted = {key: first.counts()[key] + second.counts()[key] for key in whole.counts()}
    assert counted == whole.counts()


@given(st.integers(30, ROWS - 30), st.sampled_from(["rrl", "esn_sarsa", "esn_rrl"]))
@settings(max_examples=15)
def test_wherever_it_is_stopped_it_goes_on_with_the_same_bits(cut: int, name: str) -> None:
    tape, whole, agent = a_market(), made(name), made(name)
    run(tape, whole, COSTS)
    run(part(tape, None, cut), agent, COSTS)
    later = agent.continued(agent.state(part(tape, None, cut)))
    run(rest(tape, cut, later.lookback), later, COSTS)
    assert what_it_became(later.left_behind) == what_it_became(whole.left_behind)


@pytest.mark.parametrize("name", ["gated_constant", "esn_rrl"])
def test_on_bars_with_several_settlements_each_too(name: str) -> None:
    rates = funding({8.0 * i: 1e-4 * (-1) ** (i // 2) for i in range(3 * 120 + 1)})
    tape, whole, agent = market(autoregressive(120), minutes=1_440, funding=rates), made(name), made(name)
    run(tape, whole, COSTS)
    cut = pd.Timestamp(START + 60 * DAY, tz="UTC")
    run(tape.slice(None, cut), agent, COSTS)
    later = agent.continued(agent.state(tape.slice(None, cut)))
    run(tape.slice(cut - pd.Timedelta(days=later.lookback), None), later, COSTS)
    assert what_it_became(later.left_behind) == what_it_became(whole.left_behind)


@pytest.mark.parametrize("name", AGENTS)
def test_in_memory_it_goes_on_as_from_a_file(name: str, tmp_path: Path) -> None:
    tape = a_market()
    before, agent = part(tape, None, 400), made(name)
    run(before, agent, COSTS)
    one, two = agent.continued(agent.state(before)), made(name, state_file=str(agent.save(tmp_path / "a.npz", before)))
    after = part(tape, 400, None)
    results = [run(after, each, COSTS) for each in (one, two)]
    assert results[0].fills.equals(results[1].fills)
    assert one.left_behind.tobytes() == two.left_behind.tobytes()


def test_a_second_stop_is_as_good_as_the_first(tmp_path: Path) -> None:
    tape, agent = a_market(), made("esn_rrl")
    whole = made("esn_rrl")
    run(tape, whole, COSTS)
    for first, last in ((None, 200), (200, 480), (480, None)):
        here = part(tape, None if first is None else first - agent.lookback, last)
        run(here, agent, COSTS)
        state = agent.state(here)
        agent = agent.continued(state)
    assert what_it_became(state.memory) == what_it_became(whole.left_behind)
    assert len(agent.trained) == 3


@pytest.mark.parametrize("name", AGENTS)
def test_what_it_has_learnt_from_is_not_run_again(name: str) -> None:
    tape, agent = a_market(), made(name)
    before = part(tape, None, 400)
    run(before, agent, COSTS)
    later = agent.continued(agent.state(before))
    with pytest.raises(ConfigError, match=f"{later.name} was trained on custom:FINE from 2024-01-01 00:00:00"):
        run(before, later, COSTS)
    with pytest.raises(ConfigError, match="was trained on"):
        run(part(tape, 399 - later.lookback, None), later, COSTS)
    run(part(tape, 399 - later.lookback, None), later, COSTS, in_sample=True)
    run(part(tape, 400 - later.lookback, None), later, COSTS)


def learnt(memory: Floats, begin: int, end: int) -> Floats:
    places: Any = memory[: at.HEADER].view(np.int64)
    return memory[places[begin] : places[end]]


WEIGHTS = {
    "rrl": (moody_records.WEIGHTS, moody_records.TRACE),
    "esn_sarsa": (sarsa_records.WEIGHTS, sarsa_records.TRACES),
    "esn_rrl": (esn_records.WEIGHTS, esn_records.TRACE),
    "exact": (esn_records.WEIGHTS, esn_records.TRACE),
    "lags": (esn_records.WEIGHTS, esn_records.TRACE),
}
OTHER = linear("OTHER", multiplier=1e-6, lot=1.0, tick=1e-6)


def ready(agent: Any, instrument: Any) -> Floats:
    agent.reset(np.random.default_rng(99), (instrument,))
    agent.see_columns((("open", "high", "low", "close", "volume"),))
    return np.array(agent.memory())


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_go_to_another_market_in_other_units_and_nothing_else_does(name: str) -> None:
    tape, agent = a_market(), made(name)
    run(tape, agent, COSTS)
    other = made(name, units="relative", gate=Gate(kind="none"), clip=0.5)
    taken = other.continued(agent.state(tape), "weights")
    memory = ready(taken, OTHER)
    fresh = ready(made(name, units="relative", gate=Gate(kind="none"), clip=0.5), OTHER)
    assert learnt(memory, *WEIGHTS[name]).tobytes() == learnt(agent.left_behind, *WEIGHTS[name]).tobytes()
    assert np.abs(learnt(memory, *WEIGHTS[name])).max() > 0.0
    places: Any = memory[: at.HEADER].view(np.int64)
    assert places[at.DECISIONS] == 0
    begin, end = places[at.PLAN], places[at.NUMBERS] + at.OWN_NUMBERS
    assert memory[begin:end].tobytes() == fresh[begin:end].tobytes()
    if name in ("esn_rrl", "exact", "esn_sarsa"):
        mine: Any = sarsa_records if name == "esn_sarsa" else esn_records
        assert learnt(memory, mine.RESERVOIR, mine.SCRATCH).tobytes() == (
            learnt(agent.left_behind, mine.RESERVOIR, mine.SCRATCH).tobytes()
        )
    found = run(a_market(OTHER, 8), taken, COSTS)
    assert taken.counts()["updates"] > 100
    assert "it began with weights learnt on custom:FINE" in taken.describe()
    assert np.isfinite(found.total_return)


def covariance(memory: Floats, width: int) -> Floats:
    """P as it stands, with what waits to be subtracted from it."""
    places: Any = memory[: at.HEADER].view(np.int64)
    whole = unpacked(learnt(memory, esn_records.COVARIANCE, esn_records.LAST), width)
    last = learnt(memory, esn_records.LAST, esn_records.GRADIENTS)[:width]
    found: Floats = whole - memory[places[at.NUMBERS] + esn_records.PENDING] * np.outer(last, last)
    return found


def test_the_covariance_comes_with_the_weights_or_scaled_or_begins_anew() -> None:
    tape, agent = a_market(), made("esn_rrl")
    run(tape, agent, COSTS)
    state, width = agent.state(tape), agent.width
    saved = covariance(agent.left_behind, width)
    for factor, expected in ((1.0, saved), (25.0, 25.0 * saved), ("fresh", np.eye(width))):
        taken = made("esn_rrl", resume="weights", covariance_factor=factor).continued(state)
        np.testing.assert_allclose(covariance(ready(taken, OTHER), width), expected, rtol=1e-12, atol=1e-15)
    assert np.abs(saved - np.eye(width)).max() > 0.1
    with pytest.raises(ConfigError, match='covariance_factor is of weights that are taken over; resume = "weights"'):
        made("esn_rrl", covariance_factor=2.0)


def test_only_a_state_of_the_same_kind_parameters_and_market_is_gone_on_with() -> None:
    tape, agent = a_market(), made("esn_rrl")
    run(tape, agent, COSTS)
    state = agent.state(tape)
    with pytest.raises(ConfigError, match="expected the state of an agent of type Rrl, got that of EsnRrl"):
        made("rrl").continued(state)
    with pytest.raises(ConfigError, match=r"clip: saved 0\.99, now 0\.5; give the same; or take only the weights"):
        made("esn_rrl", clip=0.5).continued(state)
    for changed in ({"features": ("momentum(5)",)}, {"feedback": 4}, {"reservoir": ReservoirSettings(size=13)}):
        for resume in ("everything", "weights"):
            with pytest.raises(ConfigError, match=f"other parameters: {next(iter(changed))}: saved .*; give the same$"):
                made("esn_rrl", **changed).continued(state, resume)
    with pytest.raises(ConfigError, match=r"it was saved on custom:FINE, and the run is on custom:OTHER"):
        run(a_market(OTHER, 8), agent.continued(state), COSTS)
    constant = made("gated_constant")
    run(tape, constant, COSTS)
    with pytest.raises(ConfigError, match="learns nothing that could be taken over"):
        run(a_market(OTHER, 8), constant.continued(constant.state(tape), "weights"), COSTS)


def test_a_set_of_features_is_the_same_as_its_members() -> None:
    names = FeatureSet(("price_and_volume",)).names
    tape = market(autoregressive(800))
    agent = Rrl(features=("price_and_volume",))
    run(tape, agent, COSTS.model_copy(update={"funding": Funding.none()}))
    Rrl(features=names).continued(agent.state(tape))


def test_a_state_is_asked_for_after_a_run_and_with_its_tape() -> None:
    tape, agent = a_market(), made("rrl")
    with pytest.raises(ConfigError, match="Rrl: it has not run yet"):
        agent.state(tape)
    run(part(tape, None, 300), agent, COSTS)
    first = "its last run was on custom:FINE from 2024-01-01 00:00:00 UTC to 2024-01-02 01:00:00 UTC, got a tape of"
    for other, begins in (
        (part(tape, 400, None), "custom:FINE from 2024-01-02 09:20:00"),
        (part(tape, 290, 300), "custom:FINE from 2024-01-02 00:10:00"),
        (part(tape, None, 299), "custom:FINE from 2024-01-01 00:00:00"),
        (a_market(OTHER), "custom:OTHER from 2024-01-01 00:00:00"),
    ):
        with pytest.raises(ConfigError, match=f"Rrl: {first} {begins} UTC to .*; give the tape of that run, all of it"):
            agent.state(other)
    agent.state(part(tape, None, 300))


def test_fitted_it_goes_on_where_its_lessons_ended() -> None:
    tape = a_market()
    before, after = part(tape, None, 500), part(tape, 500 - made("esn_rrl").lookback, None)
    terms: Any = {"sizing": hs.FixedNotional(1e4), "fill": "this_close"}
    fitted = made("esn_rrl").fit(before, np.random.default_rng(0), costs=COSTS, options=terms)
    assert [each.end for each in fitted.trained] == [before.end_ns]
    run(after, fitted, COSTS)
    assert "it went on from what it had become after" in fitted.describe()
    assert fitted.counts()["updates"] == len(after) - fitted.lookback


def test_what_goes_on_keeps_to_what_it_has_received() -> None:
    tape, agent = a_market(), made("esn_rrl")
    before, after = part(tape, None, 600), part(tape, 600 - agent.lookback, 700)
    run(before, agent, COSTS)
    state = agent.state(before)
    found = audit(after, lambda: agent.continued(state), COSTS, sizing=hs.FixedNotional(1e4), fill="this_close")
    assert found.passed, str(found)


def test_trades_that_are_counted_twice_are_told() -> None:
    tape, agent = a_market(), made("rrl", features=())
    run(tape, agent, COSTS)
    state = agent.state(tape)
    flow = replace(state, parameters={**state.parameters, "features": ["trade_flow(1h)"]})
    later = made("rrl", features=("trade_flow(1h)",)).continued(flow)
    later.reset(np.random.default_rng(0), (FINE,))
    assert later.warnings() == ["trade_flow has counted the trades of the rows that were only looked back on once more"]


def test_a_pause_is_told() -> None:
    tape, agent = a_market(), made("rrl")
    before = part(tape, None, 300)
    run(before, agent, COSTS)
    later = agent.continued(agent.state(before))
    found = run(part(tape, 312, None), later, COSTS)
    assert f"{(12 + later.lookback) * 5}m after what it had seen last" in later.describe()
    assert any(
        "it did not go on where it had stopped: what the market did in between" in each for each in found.warnings
    )
    run(part(tape, 300 - later.lookback, None), later, COSTS)
    assert "after what it had seen last" not in later.describe()
    assert not any("it did not go on where it had stopped" in each for each in later.warnings())


@pytest.mark.parametrize("on_gap", ["carry", "reset"])
@pytest.mark.parametrize("name", AGENTS)
def test_what_the_market_did_in_a_pause_is_in_no_reward(name: str, on_gap: str) -> None:
    """The price is ten times as high after 400 days; its moves are as before."""
    before, agent = market(autoregressive(400)), made(name, on_gap=on_gap)
    run(before, agent, paying(2e-4))
    state = agent.state(before)
    moves = autoregressive(100, seed=4)
    moves[0] = 9.0
    after, later = market(moves, first=START + 400 * DAY), agent.continued(state)
    run(after, later, paying(2e-4))
    kept = later.left_behind[later.places[at.NUMBERS] :]
    scale = 1e4 if name in ("esn_rrl", "exact") else 1e3 if name == "lags" else 1e2 if name == "esn_sarsa" else 1.0
    assert abs(kept[at.SHADOW_MEAN]) < 0.001 * scale
    assert kept[at.VARIANCE] < (0.01 * scale) ** 2
    counts = later.counts()
    assert counts["gaps_met"] == 1
    assert counts["resets_at_gaps"] == (on_gap == "reset" and name != "gated_constant")
    owing = state.memory.copy()
    owing[state.places[at.NUMBERS] + at.UNPAID] = 0.5  # settled after its last decision
    again = agent.continued(replace(state, memory=owing))
    run(after, again, paying(2e-4))
    assert what_it_became(again.left_behind) == what_it_became(later.left_behind)
    days = (later.lookback * 5 * MINUTE + 400 * DAY - 400 * 5 * MINUTE) / DAY
    assert f"{days:.1f} days after what it had seen last" in later.describe() or name == "gated_constant"


def test_nothing_goes_on_in_the_past_and_weights_from_later_are_told() -> None:
    tape, agent = a_market(), made("esn_rrl")
    run(tape, agent, COSTS)
    state, earlier = agent.state(tape), market(autoregressive(300), first=START - 30 * DAY)
    with pytest.raises(ConfigError, match=r"EsnRrl goes on from what it had become by .*: resume = \"weights\""):
        run(earlier, agent.continued(state), paying(0.0))
    found = run(earlier, agent.continued(state, "weights"), paying(0.0))
    assert any("it has learnt from times that had not come yet" in each for each in found.warnings)


def test_weights_of_rewards_in_other_units_are_told() -> None:
    tape, agent = a_market(), made("esn_rrl")
    run(tape, agent, COSTS)
    state, said = agent.state(tape), "its covariance is of rewards in bp, and rewards are in percent now"
    for factor, expected in ((1.0, True), ("fresh", False), (4.0, False)):
        taken = made("esn_rrl", units="percent", resume="weights", covariance_factor=factor).continued(state)
        found = run(a_market(OTHER, 8), taken, COSTS)
        assert any(said in each for each in found.warnings) is expected
    same = run(a_market(OTHER, 8), agent.continued(state, "weights"), COSTS)
    assert not any("its covariance is of" in each for each in same.warnings)


def test_fitted_from_weights_with_a_scaled_covariance_it_goes_on() -> None:
    tape, agent = a_market(), made("esn_rrl")
    before, after = part(tape, None, 300), part(tape, 300, 600)
    run(before, agent, COSTS)
    taken = made("esn_rrl", resume="weights", covariance_factor=4.0).continued(agent.state(before))
    terms: Any = {"sizing": hs.FixedNotional(1e4), "fill": "this_close"}
    fitted = taken.fit(after, np.random.default_rng(0), costs=COSTS, options=terms)
    assert (fitted.resume, fitted.covariance_factor) == ("everything", 1.0)
    run(part(tape, 600 - fitted.lookback, None), fitted, COSTS)


def test_fit_without_the_terms_of_a_run_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"Rrl\.fit: options: expected those of a run, .* the sizing, .*; got none"):
        made("rrl").fit(a_market(), np.random.default_rng(0), costs=COSTS)


def test_learners_pay_no_funding_where_the_account_pays_none() -> None:
    """The same market with rates that are not charged, and without rates."""
    with_rates, without = a_market(), market(autoregressive(ROWS, seed=3), skip=range(700, 720))
    free = paying(2e-4, half=0.01)
    for name in AGENTS:
        agents = [made(name) for _ in range(3)]
        for agent, tape, costs in zip(agents, (with_rates, without, with_rates), (free, free, COSTS), strict=True):
            run(tape, agent, costs)
        assert what_it_became(agents[0].left_behind) == what_it_became(agents[1].left_behind)
        assert what_it_became(agents[0].left_behind) != what_it_became(agents[2].left_behind)


@pytest.mark.parametrize("name", AGENTS)
def test_in_threads_over_one_tape_each_run_gives_what_it_gives_alone(name: str) -> None:
    tape = a_market()

    def one(seed: int) -> bytes:
        agent = made(name)
        run(tape, agent, COSTS, seed)
        return bytes(agent.left_behind.tobytes())

    alone = [one(seed) for seed in range(6)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, range(6))) == alone
