"""Rollouts: who acts, what is executed, what is written down, and what an expert may not do."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.experts.position_expert import PositionExpert
from halfspread.agents.features import FeatureSet
from halfspread.agents.imitation.disturbance import Disturbance
from halfspread.agents.imitation.rollout import EXPERT, LEARNER, NOISE, Episode, ExpertFailure, roll_out
from halfspread.agents.policies.policy import Policy
from halfspread.engine.agent_functions import OK, compiled_agent
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError
from halfspread.strategies import BUILT_IN, Bollinger, RandomTurnover, SmaCross, Strategy, Twap
from halfspread.strategies.compiled import CompiledStrategy
from tests.agents.imitation.lessons import (
    COSTS,
    FEATURES,
    MINUTES,
    OPTIONS,
    OTHER,
    START,
    WORLD,
    contrarian,
    episode,
    market,
    model,
)

OWN = FeatureSet(("column(signal)", "position"))
CALM = FeatureSet(("log_return(1)", "position"))


class Follow(Strategy):
    """Holds the side of the signal, and says nothing while it is small."""

    band: float = 0.5

    def on_bar(self, market: Market) -> float | None:
        signal = market.value("signal")
        if abs(signal) < self.band:
            return None
        return 1.0 if signal > 0.0 else -1.0


@compiled_agent
def follow(context: Any, memory: Any, history: Any, row: int) -> int:
    """The same, compiled. Memory: [band, column]."""
    signal = history[row, int(memory[1])]
    if signal >= memory[0]:
        context.targets[0] = 1.0
    elif signal <= -memory[0]:
        context.targets[0] = -1.0
    return OK


class CompiledFollow(CompiledStrategy):
    band: float = 0.5
    function = follow

    def memory(self) -> Any:
        return np.array([self.band, 5.0])

    def on_bar(self, market: Market) -> float | None:
        return Follow(band=self.band).on_bar(market)


def same_rows(one: Episode, other: Episode) -> None:
    for name in ("times", "observations", "expert", "executed", "actors", "probability"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.result.pnl == other.result.pnl


def alone(agent: Any, tape: Tape, **more: Any) -> Any:
    return run_backtest(tape, agent, COSTS, **{**OPTIONS, **more})


# What is executed.


@pytest.mark.parametrize("fill", ["next_open", "this_close"])
@pytest.mark.parametrize("expert", [PositionExpert(), SmaCross(fast=3, slow=9), Bollinger(window=12), RandomTurnover()])
def test_with_beta_1_a_run_is_that_of_the_expert_alone_to_the_bit(expert: Any, fill: str) -> None:
    tape = market(3)
    together = roll_out(tape, expert, OWN, COSTS, learner=model(OWN), fill=fill, seed=11, **OPTIONS)
    single = alone(expert, tape, fill=fill, seed=11)
    assert together.result.pnl == single.pnl
    assert together.result.fills.equals(single.fills)
    assert (together.actors == EXPERT).all()
    assert np.array_equal(together.executed, together.expert)


@pytest.mark.parametrize("fill", ["next_open", "this_close"])
@pytest.mark.parametrize("head", ["softmax", "squared", "gaussian"])
@pytest.mark.parametrize("mode", ["auto", "python"])
def test_with_beta_0_a_run_is_that_of_the_policy_alone_to_the_bit(head: str, fill: str, mode: str) -> None:
    tape, learner = market(3), model(head=head, seed=4)
    expert = Follow() if mode == "python" else PositionExpert()
    together = roll_out(tape, expert, FEATURES, COSTS, learner=learner, beta=0.0, fill=fill, **OPTIONS)
    single = alone(Policy.of(learner), tape, fill=fill)
    assert len(np.unique(together.executed)) > 1
    assert together.result.pnl == single.pnl
    assert together.result.fills.equals(single.fills)
    assert (together.actors == LEARNER).all()


@pytest.mark.parametrize("mode", ["auto", "python"])
def test_the_mixed_action_is_the_one_that_the_market_fills(mode: str) -> None:
    # filled at once: the position seen at a decision is what was executed at the one before, whoever chose it
    found = episode(1, 2_000, CompiledFollow(), learner=model(seed=4), beta=0.5, fill="this_close", mode=mode)
    assert 0.4 < (found.actors == LEARNER).mean() < 0.6
    assert (found.executed != found.expert).mean() > 0.1
    positions = found.observations[:, FEATURES.columns.index("position")]
    assert np.array_equal(positions[1:], found.executed[:-1])
    assert found.result.pnl != episode(1, 2_000, CompiledFollow(), fill="this_close").result.pnl


@pytest.mark.parametrize("beta", [1.0, 0.3, 0.0])
def test_compiled_and_python_rollouts_give_the_same_rows(beta: float) -> None:
    learner = model(seed=2)
    compiled = episode(2, 800, CompiledFollow(), learner=learner, beta=beta, seed=5)
    python = episode(2, 800, CompiledFollow(), learner=learner, beta=beta, seed=5, mode="python")
    plain = episode(2, 800, Follow(), learner=learner, beta=beta, seed=5)
    same_rows(compiled, python)
    same_rows(compiled, plain)
    assert compiled.result.mode == "compiled"
    assert plain.result.mode == "python"


def test_what_the_expert_leaves_as_it_is_is_the_target_in_force_whoever_set_it() -> None:
    found = episode(2, 800, Follow(), learner=model(seed=2), beta=0.5, seed=5)
    signal = found.observations[:, 0]
    quiet = np.flatnonzero(np.abs(signal) < 0.5)
    quiet = quiet[quiet > 0]
    assert (found.actors[quiet - 1] == LEARNER).any()
    assert np.array_equal(found.expert[quiet], found.executed[quiet - 1])


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    one = episode(1, learner=model(seed=4), beta=0.5, seed=3)
    same_rows(one, episode(1, learner=model(seed=4), beta=0.5, seed=3))
    assert (one.actors != episode(1, learner=model(seed=4), beta=0.5, seed=4).actors).any()


def test_decisions_are_filled_at_the_next_open_unless_it_is_said_otherwise() -> None:
    # features are computed from a close: a fill at that very close would be one at a price that was already seen
    found = episode(1)
    assert found.result.fill_convention == "next_open"
    fills = found.result.fills
    opens = market(1).bars.rows[:, 0]  # type: ignore[union-attr]
    assert np.isin(np.round(fills["reference"], 8), np.round(opens, 8)).all()
    positions = found.observations[:, 1]
    changed = np.flatnonzero(np.diff(found.executed) != 0.0) + 1
    assert (positions[changed] == found.executed[changed - 1]).all()  # not yet there when it is decided


# Noise.


@pytest.mark.parametrize("mode", ["auto", "python"])
def test_noise_by_a_table_is_executed_and_named(mode: str) -> None:
    noise = Disturbance.uniform(0.3)
    found = episode(1, 3_000, CompiledFollow(), disturb=noise, mode=mode, fill="this_close")
    other = found.actors == NOISE
    assert other.mean() == pytest.approx(0.2, abs=0.03)  # a third of the draws give the same level
    assert (found.executed[other] != found.expert[other]).all()
    assert np.array_equal(found.observations[1:, 1], found.executed[:-1])
    same_rows(found, episode(1, 3_000, CompiledFollow(), disturb=noise, fill="this_close"))


@pytest.mark.parametrize("mode", ["auto", "python"])
def test_noise_may_depend_on_what_is_in_force(mode: str) -> None:
    stays = np.eye(3)[None].repeat(3, axis=0)
    stays[0, 2] = stays[2, 0] = 0.0, 1.0, 0.0  # never from one side to the other at once
    found = episode(1, 2_000, CompiledFollow(), disturb=Disturbance(np.array([-1.0, 0.0, 1.0]), stays), mode=mode)
    before = np.concatenate([[0.0], found.executed[:-1]])
    turns = found.expert * before == -1.0
    assert turns.any()
    assert (found.executed[turns] == 0.0).all()
    assert np.array_equal(found.executed[~turns], found.expert[~turns])


def test_noise_by_a_function_draws_from_the_seed() -> None:
    def flip(target: float, rng: np.random.Generator) -> float:
        return -target if rng.random() < 0.5 else target

    one, same, other = (episode(1, disturb=flip, seed=seed) for seed in (1, 1, 2))
    same_rows(one, same)
    assert (one.executed != other.executed).any()
    assert set(one.actors.tolist()) == {EXPERT, NOISE}


def test_noise_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="add to 1 in every line"):
        Disturbance(np.array([-1.0, 1.0]), np.eye(2) * 0.5)
    with pytest.raises(ConfigError, match="different levels"):
        Disturbance(np.array([1.0, 1.0]), np.eye(2))
    with pytest.raises(ConfigError, match="2 x 2 chances"):
        Disturbance(np.array([-1.0, 1.0]), np.eye(3))
    with pytest.raises(ConfigError, match="probability from 0 to 1, got 2"):
        Disturbance.uniform(2.0)


# What is written down.


def test_times_are_the_closes_of_bars_and_observations_the_features_then() -> None:
    tape = market(5, 50)
    found = roll_out(tape, PositionExpert(), FEATURES, COSTS, **OPTIONS)
    assert np.array_equal(found.times, (START + 60 * MINUTES * np.arange(1, 51)) * 10**9)
    assert np.array_equal(found.observations[:, 0], tape.bars.rows[:, 5])  # type: ignore[union-attr]
    assert (found.probability == 1.0).all()


def test_a_longer_lookback_of_features_leaves_the_expert_its_own() -> None:
    class Mean(Strategy):
        lookback: int = 3

        def on_bar(self, market: Market) -> float:
            window = market.history("close")
            assert len(window) == 4
            return 1.0 if market.close > window.mean() else -1.0

    long = FeatureSet(("log_return(30)", "position"))
    found = episode(1, expert=Mean(), features=long)
    short = episode(1, expert=Mean(), features=OWN)
    assert len(found.times) == 400 - 30
    assert len(short.times) == 400 - 3
    assert np.array_equal(found.expert, short.expert[27:])


def test_stacked_observations_hold_those_before_and_nothing_at_first() -> None:
    found = episode(1, features=FeatureSet(("column(signal)", "position"), stack=3))
    one = episode(1, features=OWN)
    assert np.array_equal(found.observations[:, :2], one.observations)
    assert np.array_equal(found.observations[1:, 2:4], one.observations[:-1])
    assert (found.observations[0, 2:] == 0.0).all()


def test_an_expert_that_knows_probabilities_tells_them() -> None:
    expert = model(seed=9)
    for mode in (Policy.of(expert), Policy.of(expert, deterministic=False)):
        found = episode(1, expert=mode, features=FEATURES, seed=2)
        chances = expert.network.probabilities(found.observations, expert.temperature)
        chosen = chances[np.arange(len(chances)), (found.expert + 1.0).astype(int)]
        assert found.probability == pytest.approx(chosen, rel=1e-12)
    values = episode(1, expert=Policy.of(model(head="squared")))
    assert (values.probability == 1.0).all()


class Pair(Strategy):
    """Trades the first instrument on the signal, the second against it."""

    shape: str = "sequence"

    def on_bar(self, market: Market) -> Any:
        side = 1.0 if market.value("signal") > 0.0 else -1.0
        if self.shape == "mapping":
            return {"WORLD": side, "OTHER": -side / 2.0}
        return np.array([side, -side / 2.0])


@compiled_agent
def pair(context: Any, memory: Any, history: Any, row: int) -> int:
    """Memory: none."""
    side = 1.0 if history[context.rows[0], 5] > 0.0 else -1.0
    context.targets[0] = side
    context.targets[1] = -0.5 * side
    return OK


class CompiledPair(CompiledStrategy):
    function = pair


@pytest.mark.parametrize("expert", [Pair(), Pair(shape="mapping"), CompiledPair()])
def test_of_several_instruments_one_is_recorded_and_all_are_traded_by_the_expert(expert: Any) -> None:
    tape = Tape.join(market(1), market(2, instrument=OTHER))
    features = FeatureSet(("column(signal)", "position@OTHER"))
    first, second = (roll_out(tape, expert, features, COSTS, instrument=k, **OPTIONS) for k in (0, 1))
    assert np.array_equal(second.expert, -0.5 * first.expert)
    assert first.result.pnl == second.result.pnl == alone(expert, tape).pnl
    mixed = roll_out(tape, expert, features, COSTS, instrument=1, learner=model(features), beta=0.0, **OPTIONS)
    assert (mixed.executed != mixed.expert).any()
    assert not (
        mixed.result.fills["instrument"] == "WORLD"
    ).any()  # the learner trades one instrument, the expert nothing


# Every expert that comes with the package.


def terms_for(name: str) -> tuple[Any, Tape]:
    from halfspread import strategies

    cls = getattr(strategies, BUILT_IN[name])
    given: Mapping[str, Any] = {"almgren_chriss": {}, "twap": {}, "pairs": {"window": 20}}.get(name, {})
    tape = Tape.join(market(1), market(2, instrument=OTHER)) if "pair" in name else market(1)
    try:
        return cls(**given), tape
    except ConfigError:
        return cls(contracts=10), tape


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_strategy_is_recorded_or_refused_with_a_reason(name: str) -> None:
    expert, tape = terms_for(name)
    if name in ("book_imbalance", "market_maker", "almgren_chriss", "twap", "donchian_atr"):
        with pytest.raises((ConfigError, ExpertFailure), match=r"sends orders|recorded at the closes of bars"):
            roll_out(tape, expert, CALM, COSTS, **OPTIONS)
        return
    found = roll_out(tape, expert, CALM, COSTS, **OPTIONS)
    single = alone(expert, tape)
    assert len(found.times) == len(tape.bars) - max(expert.lookback, 1)
    if expert.lookback >= CALM.lookback or name in ("funding_carry", "time_of_day", "buy_and_hold"):
        assert found.result.fills["contracts"].abs().sum() == single.fills["contracts"].abs().sum()


# What an expert may not do.


class Fails(Strategy):
    """Does not know what to do with a position that it would not have."""

    def on_bar(self, market: Market) -> float:
        if market.position < 0.0:
            raise KeyError("short")
        return 1.0


@compiled_agent
def fails(context: Any, memory: Any, history: Any, row: int) -> int:
    """Memory: what to do when short: 0 raises, 2 is a status, 3 a target, 4 nothing that is a number."""
    context.targets[0] = 1.0
    if context.positions[0] < 0.0:
        if memory[0] == 0.0:
            context.targets[0] = 1.0 / memory[0]
        if memory[0] == 3.0:
            context.targets[0] = 3.0
        if memory[0] == 4.0:
            context.targets[0] = np.nan
        if memory[0] == 2.0:
            return 7
    return OK


class CompiledFails(CompiledStrategy):
    how: float = 0.0
    function = fails

    def memory(self) -> Any:
        return np.array([self.how])


def short(observation: Any) -> float:
    return -1.0 if observation[0] > 0.0 else 1.0


@pytest.mark.parametrize(
    ("expert", "said"),
    [
        (Fails(), "KeyError: 'short'"),
        (CompiledFails(how=0.0), "ZeroDivisionError"),
        (CompiledFails(how=2.0), "it returned 7; expected hs.OK"),
        (CompiledFails(how=3.0), "it wants 3.0; expected a target from -1 to 1"),
        (CompiledFails(how=4.0), "it wants nan"),
    ],
)
@pytest.mark.parametrize("quick", [True, False])
def test_an_expert_that_fails_where_the_learner_leads_is_named_and_the_rows_so_far_are_kept(
    expert: Any, said: str, quick: bool
) -> None:
    assert (episode(1, expert=expert).expert == 1.0).all()  # it fails nowhere on its own path
    learner: Any = contrarian(OWN) if quick else short
    with pytest.raises(ExpertFailure, match=re.escape(said)) as caught:
        episode(1, expert=expert, features=OWN, learner=learner, beta=0.0)
    text, rows = str(caught.value), caught.value.recorded
    name = type(expert).__name__
    assert f"the expert {name} failed after {len(rows.times):,} decisions" in text
    assert "the last at 2020-01-01" in text
    assert "None keeps the target" in text
    assert len(rows.times) > 0
    assert len(rows.observations) == len(rows.expert) == len(rows.times)
    assert (rows.actors == LEARNER).all()


class Sends(Strategy):
    def on_bar(self, market: Market) -> None:
        market.send_market(1.0)


class OnQuotes(Strategy):
    def on_quote(self, market: Market) -> float:
        return 1.0


def test_experts_that_set_no_targets_at_bars_are_refused() -> None:
    with pytest.raises(ExpertFailure, match="sends orders"):
        episode(1, expert=Sends())
    with pytest.raises(ConfigError, match="Twap decides on timer, fill"):
        episode(1, expert=Twap(contracts=10))
    with pytest.raises(ConfigError, match="OnQuotes decides on quote; demonstrations are recorded at the closes"):
        episode(1, expert=OnQuotes())
    with pytest.raises(ConfigError, match="expected an agent with on_bar or a compiled function, got 3"):
        episode(1, expert=3)


def test_terms_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"probability from 0 to 1, got 1\.5"):
        episode(1, beta=1.5)
    with pytest.raises(ConfigError, match="beta below 1 needs a learner"):
        episode(1, beta=0.5)
    with pytest.raises(ConfigError, match="place of one of 1 on the tape, got 1"):
        episode(1, instrument=1)
    with pytest.raises(ConfigError, match="shorter than the lookback 600"):
        episode(1, features=FeatureSet(("log_return(600)",)))


def test_an_observation_that_does_not_fit_the_model_is_refused() -> None:
    for features in (OWN, FeatureSet(FEATURES.names, 2), FeatureSet(FEATURES.names[::-1])):
        with pytest.raises(ConfigError, match=r"learner: the model looks at .* and the rollout at"):
            episode(1, features=features, learner=model(), beta=0.5)
    with pytest.raises(ConfigError, match="the model decides on quote"):
        episode(1, learner=replace(model(), events=("quote",)), beta=0.5)


def test_a_streamed_tape_is_refused(tmp_path: Path) -> None:
    rows = market(1).bars.rows  # type: ignore[union-attr]
    names = ("open", "high", "low", "close", "volume")
    times = pd.to_datetime(START + 300 * np.arange(400), unit="s", utc=True)
    pd.DataFrame({"ts": times, **dict(zip(names, rows.T[:5], strict=True))}).to_parquet(tmp_path / "bars.parquet")
    tape = Tape.scan_bars(tmp_path / "bars.parquet", WORLD)
    with pytest.raises(DataError, match=r"bars\.parquet: a rollout takes a tape of bars in memory"):
        roll_out(tape, SmaCross(), CALM, COSTS, **OPTIONS)


def test_a_failure_of_an_expert_comes_whole_from_another_process() -> None:
    with pytest.raises(ExpertFailure) as caught:
        episode(1, expert=Fails(), features=OWN, learner=short, beta=0.0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert np.array_equal(again.recorded.expert, caught.value.recorded.expert)
    assert len(ExpertFailure("told again").recorded.times) == 0


# Experts that see more.


def test_the_clairvoyant_optimum_is_recorded_on_its_own_path_and_refused_elsewhere() -> None:
    found = episode(1, expert=Clairvoyant())
    best = Clairvoyant.of(market(1), COSTS, **OPTIONS)
    assert found.result.pnl == pytest.approx(best.value)
    with pytest.raises(ConfigError, match="on its own path only"):
        episode(1, expert=Clairvoyant(), learner=model(), beta=0.5)
    with pytest.raises(ConfigError, match="on its own path only"):
        episode(1, expert=Clairvoyant(), disturb=Disturbance.uniform(0.1))


class Watched(Strategy):
    """Remembers who was asked when."""

    asked: ClassVar[list[int]] = []

    def on_bar(self, market: Market) -> float:
        self.asked.append(market.time)
        return 0.0


def test_the_expert_is_asked_once_at_every_decision() -> None:
    Watched.asked.clear()
    found = episode(1, expert=Watched(), learner=model(), beta=0.5)
    assert Watched.asked == found.times.tolist()


class Speaks(Strategy):
    """Says its side when the signal has changed its sign, and nothing else."""

    lookback: int = 0

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self._side = 0.0

    def on_bar(self, market: Market) -> float | None:
        side = 1.0 if market.value("signal") > 0.0 else -1.0
        if side == self._side:
            return None
        self._side = side
        return side


def _speaks_of(tape: Tape, silence: Any, learner: Any) -> Episode:
    return roll_out(tape, Speaks(), OWN, COSTS, learner=learner, beta=0.0, silence=silence, **OPTIONS)


def test_what_an_expert_wants_that_says_nothing_is_in_force_or_its_own_last_word() -> None:
    tape = market(3)
    always_long = _speaks_of(tape, "in_force", lambda _: 1.0)
    own = _speaks_of(tape, "own", lambda _: 1.0)
    alone = roll_out(tape, Speaks(), OWN, COSTS, silence="own", **OPTIONS)
    np.testing.assert_array_equal(own.expert, alone.executed)
    said = np.flatnonzero(np.diff(alone.executed, prepend=0.0))
    silent = np.setdiff1d(np.arange(len(own.times)), said)
    assert (always_long.expert[silent] == np.concatenate([[0.0], always_long.executed[:-1]])[silent]).all()
    assert (always_long.expert[said] == alone.executed[said]).all()
    assert 0 < len(said) < len(silent)


def test_its_own_last_word_is_the_same_compiled_and_in_python() -> None:
    tape, learner = market(3), model(OWN)
    expert = SmaCross(fast=2, slow=8, band=0.001)
    runs = [
        roll_out(tape, expert, OWN, COSTS, learner=learner, beta=0.3, silence="own", **{**OPTIONS, "mode": mode})
        for mode in ("compiled", "python")
    ]
    np.testing.assert_array_equal(runs[0].expert, runs[1].expert)
    np.testing.assert_array_equal(runs[0].executed, runs[1].executed)
    other = roll_out(tape, expert, OWN, COSTS, learner=learner, beta=0.3, **OPTIONS)
    assert (other.expert != runs[0].expert).any()


def test_another_kind_of_silence_is_refused() -> None:
    with pytest.raises(ConfigError, match="silence: expected in_force or own"):
        roll_out(market(3), Speaks(), OWN, COSTS, silence="loud", **OPTIONS)  # type: ignore[arg-type]
