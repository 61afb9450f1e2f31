"""``halfspread run --save-agent``: what an online learner has become, kept, shown, and gone on with by a config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.rrl.state_file import load_state

Command = Any

CONFIG = """\
name = "learner"

[market]
source = "bars"
venue = "bybit"
symbol = "BTCUSDT"
bars = "bars.parquet"
interval = "1h"
{span}

[costs]
half_spread = {{ kind = "ticks", amount = 1 }}
fees = {{ kind = "constant", taker = 5e-4, maker = 2e-4 }}
funding = {{ kind = "none" }}

[sizing]
kind = "fixed_notional"
amount = 100_000

[margin]
kind = "none"

[agent]
type = "rrl"
features = ["momentum(4)"]
first_rewards = 5
{more}
"""


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of a learner on the first half of 200 hours, in the working folder of the test."""
    monkeypatch.chdir(tmp_path)
    close = np.round(50_000.0 * np.exp(0.005 * np.random.default_rng(4).standard_normal(200).cumsum()), 1)
    open_ = np.concatenate([close[:1], close[:-1]])
    times = pd.date_range("2024-01-01", periods=200, freq="1h", tz="UTC")
    frame = {"ts": times, "open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close)}
    pd.DataFrame({**frame, "close": close, "volume": 1.0}).to_parquet("bars.parquet")
    return config("first.toml", "end = 2024-01-05T00:00:00Z")


def config(name: str, span: str, more: str = "") -> Path:
    path = Path(name)
    path.write_text(CONFIG.format(span=span, more=more), encoding="utf-8")
    return path


def folder_of(done: Any) -> Path:
    return Path(json.loads(done.out)["run_dir"])


def test_it_is_in_the_run_folder_and_where_it_was_asked_for(learner: Path, halfspread: Command) -> None:
    done = halfspread("run", learner, "--save-agent", "models/rrl.npz", "--json")
    assert done.code == 0, done.err
    kept = folder_of(done) / "agent.npz"
    assert kept.read_bytes() == Path("models/rrl.npz").read_bytes()
    assert "agent.npz" in json.loads((folder_of(done) / "manifest.json").read_text())["files"]
    assert json.loads(done.out)["agent_file"] == "models/rrl.npz"
    assert load_state(kept).decisions == 92
    said = halfspread("run", learner, "--save-agent", "models/rrl.npz").out
    assert "agent:   models/rrl.npz; go on with it: state_file = 'models/rrl.npz'" in said
    assert halfspread("verify", folder_of(done)).code == 0


def test_without_the_option_nothing_is_kept(learner: Path, halfspread: Command) -> None:
    done = halfspread("run", learner, "--json")
    assert not (folder_of(done) / "agent.npz").exists()


def test_a_config_goes_on_where_the_other_stopped(learner: Path, halfspread: Command) -> None:
    halfspread("run", learner, "--save-agent", "one.npz")
    later = config("later.toml", "start = 2024-01-04T20:00:00Z", 'state_file = "one.npz"')
    halfspread("run", later, "--save-agent", "two.npz", "--json")
    whole = config("whole.toml", "")
    halfspread("run", whole, "--save-agent", "whole.npz")
    one, two, all_of_it = (load_state(name) for name in ("one.npz", "two.npz", "whole.npz"))
    assert two.decisions == all_of_it.decisions == 196
    assert two.memory[-20:].tobytes() == all_of_it.memory[-20:].tobytes() != one.memory[-20:].tobytes()
    assert len(two.trained) == 2


def test_what_it_has_learnt_from_is_refused(learner: Path, halfspread: Command) -> None:
    halfspread("run", learner, "--save-agent", "one.npz")
    done = halfspread("run", config("again.toml", "", 'state_file = "one.npz"'))
    assert done.code == 2
    assert "was trained on bybit:BTCUSDT from 2024-01-01 00:00:00 UTC to 2024-01-05 00:00:00 UTC" in done.err


def test_a_run_from_a_state_is_verified_with_the_file_and_not_with_another(learner: Path, halfspread: Command) -> None:
    halfspread("run", learner, "--save-agent", "one.npz")
    later = config("later.toml", "start = 2024-01-04T20:00:00Z", 'state_file = "one.npz"')
    folder = folder_of(halfspread("run", later, "--json"))
    assert halfspread("verify", folder).code == 0
    halfspread("run", config("other.toml", "end = 2024-01-03T00:00:00Z"), "--save-agent", "one.npz")
    done = halfspread("verify", folder)
    assert done.code != 0
    assert "one.npz" in done.out + done.err


def test_weights_are_taken_over_by_name(learner: Path, halfspread: Command) -> None:
    halfspread("run", learner, "--save-agent", "one.npz")
    more = 'state_file = "one.npz"\nresume = "weights"\nunits = "bp"'
    done = halfspread("run", config("taken.toml", "start = 2024-01-05T00:00:00Z", more), "--json")
    assert done.code == 0, done.err
    assert "it began with weights learnt on bybit:BTCUSDT" in json.loads(done.out)["assumptions"]["agent"]


def test_a_state_is_shown_in_words_and_as_json(learner: Path, halfspread: Command) -> None:
    halfspread("run", learner, "--save-agent", "one.npz")
    shown = halfspread("model", "show", "one.npz")
    assert shown.code == 0, shown.err
    assert "Rrl, after 92 decisions" in shown.out
    assert "bybit:BTCUSDT from 2024-01-01 00:00:00 UTC" in shown.out
    said = json.loads(halfspread("model", "show", "one.npz", "--json").out)
    assert said["features"] == "momentum(4)"
    Path("cut.npz").write_bytes(Path("one.npz").read_bytes()[:2_000])
    done = halfspread("model", "show", "cut.npz")
    assert done.code == 2
    assert "cut.npz: expected the state of an agent" in done.err


def test_bad_names_and_agents_without_a_state_are_refused_before_the_run(learner: Path, halfspread: Command) -> None:
    done = halfspread("run", learner, "--save-agent", "one.txt")
    assert done.code == 2
    assert "--save-agent one.txt: expected the name of a file that ends in .npz" in done.err
    done = halfspread("run", learner, "--save-agent", "one.npz", "--set", "agent={ type = 'buy_and_hold' }")
    assert done.code == 2
    assert "agent buy_and_hold has nothing to save" in done.err
    done = halfspread("run", config("none.toml", "", 'state_file = "none.npz"'))
    assert done.code == 2
    assert "none.npz" in done.err
    assert not Path("runs").exists()
