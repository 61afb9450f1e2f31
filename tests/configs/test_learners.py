"""Learners of a config: what they are shown, when they are fitted, and what of them a config may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents import Clone, Policy
from halfspread.configs.build import build_agents, build_tape, effective, training_part
from halfspread.configs.learners import fitted, is_learner
from halfspread.configs.load import Loaded, load
from halfspread.errors import ConfigError, DataError, StrategyError
from halfspread.strategies.sma_cross import SmaCross

TERMS = """
name = "learning"
seed = 3

[market]
source = "synthetic"
start = 2024-01-01
days = 4
interval = "5m"

[costs]
half_spread = { kind = "bars" }
fees = { kind = "constant", taker = 5e-4, maker = 0.0 }
funding = { kind = "published" }

[sizing]
kind = "fixed_notional"
amount = 10_000
"""
TRAINING = '\n[training]\nuntil = 2024-01-03\nembargo = "6h"\n'
CLONE = """
[agent]
type = "clone"
expert = { type = "sma_cross", fast = 5, slow = 20 }
features = ["average_gap(5, 20)", "position"]
settings = { hidden = [8], epochs = 3 }
"""
PLUGIN = """
import halfspread as hs

SHOWN = []


class Learner(hs.Strategy):
    sign: float = 0.0

    def fit(self, tape, rng):
        SHOWN.append((tape, float(rng.random())))
        return Learner(sign=0.5)

    def on_bar(self, market):
        return self.sign


class Asks(Learner):
    def fit(self, tape, rng, *, costs, options):
        SHOWN.append((costs, options))
        return self


class Broken(Learner):
    def fit(self, tape, rng):
        return {}["weights"]


class Flat(Learner):
    def fit(self, tape, rng):
        return None


class Odd(Learner):
    def fit(self, tape, rng):
        return [1.0]
"""


def loaded_from(folder: Path, text: str) -> Loaded:
    path = folder / "learning.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def fit_one(folder: Path, text: str) -> Any:
    loaded = loaded_from(folder, text)
    (built,) = build_agents(loaded)
    return fitted(loaded, built)


def shown_to(agent: Any) -> list[Any]:
    import sys

    found: list[Any] = sys.modules[type(agent).__module__].SHOWN
    return found


def plug_in(folder: Path, name: str) -> str:
    (folder / "learner.py").write_text(PLUGIN, encoding="utf-8")
    return f'\n[agent]\ntype = "./learner.py:{name}"\n'


def test_agents_are_run_on_what_stands_after_training_and_embargo(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, TERMS + TRAINING + CLONE)
    whole, traded, learnt = build_tape(loaded, whole=True), build_tape(loaded), training_part(loaded)
    assert learnt is not None
    assert whole.start_ns == learnt.start_ns
    assert learnt.end_ns == pd.Timestamp("2024-01-03").value
    assert traded.start_ns == pd.Timestamp("2024-01-03T06:00").value
    assert traded.end_ns == whole.end_ns


def test_without_training_all_of_the_market_is_traded(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, TERMS + CLONE)
    assert training_part(loaded) is None
    assert build_tape(loaded).start_ns == pd.Timestamp("2024-01-01").value


@pytest.mark.parametrize(("until", "part"), [("2023-12-31", training_part), ("2024-01-09", build_tape)])
def test_a_part_without_bars_names_the_training_section(tmp_path: Path, until: str, part: Any) -> None:
    loaded = loaded_from(tmp_path, TERMS + f"\n[training]\nuntil = {until}\n" + CLONE)
    with pytest.raises(DataError, match=r"learning\.toml:\d+.*training"):
        part(loaded)


def test_an_embargo_that_is_no_length_of_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.embargo.*a week"):
        loaded_from(tmp_path, TERMS + '\n[training]\nuntil = 2024-01-03\nembargo = "a week"\n' + CLONE)


def test_a_learner_is_shown_the_training_part_and_nothing_behind_it(tmp_path: Path) -> None:
    agent = fit_one(tmp_path, TERMS + TRAINING + plug_in(tmp_path, "Learner")).agent
    tape, _ = shown_to(agent)[-1]
    end = pd.Timestamp("2024-01-03").value
    assert tape.end_ns <= end
    assert tape.bars.times[-1] <= end
    assert tape.feeds[0].funding.known_times.max() <= end
    with pytest.raises(ValueError, match="read-only"):
        tape.bars.rows[0, 0] = 1.0
    assert agent.sign == 0.5


def test_a_learner_draws_from_the_seed_of_the_config(tmp_path: Path) -> None:
    for seed in (3, 3, 4):
        agent = fit_one(tmp_path, TERMS.replace("seed = 3", f"seed = {seed}") + TRAINING + plug_in(tmp_path, "Learner"))
    drawn = [number for _, number in shown_to(agent.agent)[-3:]]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_learner_that_asks_for_the_terms_gets_those_of_the_run(tmp_path: Path) -> None:
    agent = fit_one(tmp_path, TERMS + TRAINING + plug_in(tmp_path, "Asks")).agent
    costs, options = shown_to(agent)[-1]
    assert costs.fees.taker == 5e-4
    assert options["seed"] == 3
    assert options["sizing"].amount == 10_000


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (
            "Broken",
            StrategyError,
            r"Broken: fit failed in the training window from 2024-01-01 .*KeyError",
        ),
        ("Odd", StrategyError, r"Odd: fit gave \[1.0\], which is no agent"),
        ("Flat", ConfigError, "Flat: its fit gave None"),
    ],
)
def test_a_fit_that_gives_no_agent_is_told(tmp_path: Path, name: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        fit_one(tmp_path, TERMS + TRAINING + plug_in(tmp_path, name))


def test_a_learner_that_can_trade_unfitted_does_so_without_training(tmp_path: Path) -> None:
    built = fit_one(tmp_path, TERMS + plug_in(tmp_path, "Learner"))
    assert is_learner(built.agent)
    assert built.agent.sign == 0.0
    assert not built.learnt


def test_a_learner_that_cannot_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent clone has to learn before it trades.*\[training\] until"):
        fit_one(tmp_path, TERMS + CLONE)


def test_a_clone_becomes_a_policy_that_has_seen_the_training_part(tmp_path: Path) -> None:
    built = fit_one(tmp_path, TERMS + TRAINING + CLONE)
    assert isinstance(built.agent, Policy)
    (seen,) = built.agent.trained
    assert (seen.start, seen.end) == (pd.Timestamp("2024-01-01").value, pd.Timestamp("2024-01-03").value)


def test_fitting_twice_gives_the_same_bits(tmp_path: Path) -> None:
    text = TERMS + TRAINING + CLONE
    one, two = (fit_one(tmp_path, text).agent.model_read.network.parameters for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_fitted_agent_is_not_fitted_again(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, TERMS + TRAINING + CLONE)
    (built,) = build_agents(loaded)
    ready = fitted(loaded, built)
    assert fitted(loaded, ready) is ready
    assert ready.anew(tmp_path) is not ready.agent


def test_the_expert_of_a_config_is_an_agent_and_shows_all_its_parameters(tmp_path: Path) -> None:
    loaded = loaded_from(tmp_path, TERMS + TRAINING + CLONE)
    (built,) = build_agents(loaded)
    assert isinstance(built.agent, Clone)
    assert isinstance(built.agent.expert, SmaCross)
    shown = effective(loaded, [built], times_as_text=True)["agent"]
    kept = {"fast": 5, "slow": 20, "band": 0.0, "allow_short": True}
    assert shown["expert"] == {"type": "sma_cross", **kept}
    assert shown["settings"]["epochs"] == 3


def test_an_expert_of_ones_own_is_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import halfspread as hs\n\n\nclass Own(hs.Strategy):\n    def on_bar(self, market):\n"
        "        return 1.0 if market.close > market.open else -1.0\n",
        encoding="utf-8",
    )
    text = CLONE.replace('{ type = "sma_cross", fast = 5, slow = 20 }', '{ type = "./own.py:Own" }')
    assert isinstance(fit_one(tmp_path, TERMS + TRAINING + text).agent, Policy)


@pytest.mark.parametrize(
    ("expert", "words"),
    [
        ("{ fast = 5 }", r"expert: expected a table that says which agent"),
        ('{ type = "sma_cros" }', r"agent clone: expert: unknown agent 'sma_cros'.*sma_cross"),
        (
            '{ type = "sma_cross", fast = 50, slow = 20 }',
            r"clone: expert: SmaCross: fast has to be less than slow",
        ),
        ("3", r"Clone: expert: expected an agent, got 3"),
    ],
)
def test_a_wrong_expert_is_named_with_its_place(tmp_path: Path, expert: str, words: str) -> None:
    text = CLONE.replace('{ type = "sma_cross", fast = 5, slow = 20 }', expert)
    with pytest.raises(ConfigError, match=words):
        build_agents(loaded_from(tmp_path, TERMS + TRAINING + text))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("expert = ", "expected an expert, or a file of demonstrations, got neither"),
        ("features = ", "features: expected what it looks at"),
    ],
)
def test_what_a_clone_needs_is_told(tmp_path: Path, line: str, words: str) -> None:
    text = "\n".join(each for each in CLONE.splitlines() if not each.startswith(line))
    with pytest.raises(ConfigError, match=words):
        build_agents(loaded_from(tmp_path, TERMS + TRAINING + text))


def test_files_of_an_agent_begin_in_the_folder_of_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent policy: model_file: .*models/none\.npz: no such file"):
        build_agents(loaded_from(tmp_path, TERMS + '\n[agent]\ntype = "policy"\nmodel_file = "models/none.npz"\n'))
