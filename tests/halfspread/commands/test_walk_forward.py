"""``halfspread walk-forward``: one agent, a grid, and a folder with what came out of sample."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from halfspread.configs.build import build_tape
from halfspread.configs.load import load
from halfspread.engine.bars import Bars

Command = Any
LENGTHS = ("--train", "1d", "--test", "12h")
BY_RETURN = ("--metric", "total_return")  # a day is too short for a ratio
GRID = ("--grid", "agent.fast=2,5", "--grid", "agent.slow=8:20:6")
LEARNER = """
from pathlib import Path

import halfspread as hs


class Drift(hs.Strategy):
    sign: float = 0.0

    def fit(self, tape, rng):
        with open("fitted.txt", "a") as file:
            file.write("x")
        if Path("stop.txt").exists() and Path("fitted.txt").stat().st_size == 3:
            raise KeyboardInterrupt
        closes = tape.bars.rows[:, 3]
        return Drift(sign=1.0 if closes[-1] > closes[0] else -1.0)

    def on_bar(self, market):
        return self.sign


class Broken(Drift):
    def fit(self, tape, rng):
        return {}["weights"]


class Forgets(Drift):
    def fit(self, tape, rng):
        self.sign = 1.0


class Odd(Drift):
    def fit(self, tape, rng):
        return [1.0]
"""


@pytest.fixture
def learner(small: Path) -> Path:
    """A config whose agent fits itself."""
    small.with_name("drift.py").write_text(LEARNER, encoding="utf-8")
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    path = small.with_name("learner.toml")
    path.write_text(text + '[agent]\ntype = "./drift.py:Drift"\nname = "drift"\n', encoding="utf-8")
    return path


def test_a_walk_forward_leaves_its_windows_and_days(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    folder = Path(said["run_dir"])
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "metrics.json",
        "windows.parquet",
        "daily.parquet",
        "returns.parquet",
        "report.html",
    }
    assert said["settings"] == 6
    assert len(said["windows"]) == said["metrics"]["windows"] == 4
    assert sum(window["total_return"] for window in said["windows"]) == pytest.approx(said["metrics"]["total_return"])
    assert said["attribution"]["total"] == pytest.approx(said["metrics"]["total_return"])
    assert {window["parameters"]["slow"] for window in said["windows"]} <= {8, 14, 20}
    assert said["windows"][0]["train_end"] == said["windows"][0]["test_start"]
    days = pd.read_parquet(folder / "daily.parquet")
    assert days["pnl"].sum() == pytest.approx(said["metrics"]["total_return"])
    assert len(pd.read_parquet(folder / "windows.parquet")) == 4
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["kind"] == "walk-forward"
    assert manifest["walk_forward"]["settings"] == 6
    assert halfspread("runs").code == 0
    assert halfspread("runs", "show", folder).code == 0


def test_purge_and_embargo_and_anchored_are_said(small: Path, halfspread: Command) -> None:
    done = halfspread(
        "walk-forward", small, *GRID, *LENGTHS, "--anchored", "--purge", "1h", "--embargo", "2h", "--json"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["schedule"] == "trained on all before, at least 1d, tested on the next 12h, purge 1h, embargo 2h"
    starts = {window["train_start"] for window in said["windows"]}
    assert len(starts) == 1
    first = {name: pd.Timestamp(said["windows"][0][name].removesuffix(" UTC")) for name in ("train_end", "test_start")}
    assert first["test_start"] - first["train_end"] == pd.Timedelta("3h")


def test_the_table_names_what_was_chosen(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, "--metric", "total_return")
    assert done.code == 0, done.err
    for word in (
        "fast",
        "slow",
        "in sample",
        "out of sample",
        "chosen by total_return of 6 settings",
        "flat between",
        "Out of sample",
    ):
        assert word in done.out


def test_settings_that_contradict_each_other_are_left_out_and_counted(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, "--grid", "agent.fast=5,50", *LENGTHS)
    assert done.code == 0, done.err
    assert "1 setting cannot run" in done.out
    assert "fast has to be less than slow" in done.out


FAILS = """
import halfspread as hs


class Fails(hs.Strategy):
    n: int = 0

    def on_bar(self, market):
        if self.n == 2 or (self.n == 3 and market.time > 1_704_240_000_000_000_000):
            raise ValueError("bad n")
        return 1.0 if market.close > market.open + self.n else -1.0
"""


def test_a_setting_that_fails_in_a_training_window_is_not_chosen_there_and_told(
    small: Path, halfspread: Command
) -> None:
    """n=2 always fails, n=3 from the third day on, which is in the last training window."""
    small.with_name("agent.py").write_text(FAILS, encoding="utf-8")
    agent = ("--set", "agent={ type = './agent.py' }", *LENGTHS, *BY_RETURN)
    done = halfspread("walk-forward", small, *agent, "--grid", "agent.n=1,2,3")
    assert done.code == 0, done.err
    told = "settings failed in 4 training windows and were not chosen there, such as: "
    assert told in done.out
    assert "n=2 in the training window from 2024-01-01 00:00:00 UTC: Fails.on_bar at" in done.out
    (folder,) = [path for path in Path("runs/small").iterdir() if not path.name.startswith(".")]
    assert "n=2 in the training window from 2024-01-01" in (folder / "report.html").read_text(encoding="utf-8")
    windows = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["windows"]
    assert [each["failed"] for each in windows] == [1, 1, 1, 2]
    assert halfspread("verify", folder).code == 0
    done = halfspread("walk-forward", small, *agent, "--grid", "agent.n=2")
    assert done.code == 2
    assert "n=2 in the training window from 2024-01-01" in done.err


def test_one_agent_of_several_is_walked(several: Path, halfspread: Command) -> None:
    grid = ("--agent", "sma_cross", "--grid", "agent.fast=2,3")
    done = halfspread("walk-forward", several, *grid, *LENGTHS, *BY_RETURN, "--json")
    assert done.code == 0, done.err
    assert {window["agent"] for window in json.loads(done.out)["windows"]} == {"SmaCross"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((*GRID, "--train", "30d", "--test", "1d"), "leaves nothing to test"),
        ((*GRID, "--train", "soon", "--test", "1d"), "train: expected an interval"),
        ((*GRID, *LENGTHS, "--purge", "2d"), "purge: 2d leave nothing"),
        ((*GRID, "--train", "1d", "--test", "2m"), "test: a window of 2m holds no bar of 5m"),
        ((*GRID, *LENGTHS, "--metric", "luck"), "metric: expected one of"),
        ((*LENGTHS,), "sma_cross has nothing to be chosen: give --grid"),
        (("--grid", "market.days=2,3", *LENGTHS), "chooses settings of the agent"),
        (("--grid", "agent.fast=50,60", *LENGTHS), "none of 2 settings can run"),
    ],
)
def test_bad_input_is_refused(small: Path, halfspread: Command, given: tuple[str, ...], said: str) -> None:
    done = halfspread("walk-forward", small, *given)
    assert done.code == 2
    assert said in done.err
    assert not Path("runs").exists() or not any(Path("runs").rglob("manifest.json"))


# The page.


def test_the_page_shows_what_came_out_of_sample_first_and_needs_nothing_from_elsewhere(
    small: Path, halfspread: Command
) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--purge", "1h", "--embargo", "2h", "--json")
    folder = Path(json.loads(done.out)["run_dir"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    anchors = re.findall(r'<section id="(\w+)"', page)
    assert anchors == [
        "attribution",
        "performance",
        "equity",
        "samples",
        "chosen",
        "windows",
        "counted",
        "assumptions",
        "provenance",
    ]
    for words in ("one of 6 settings chosen in each of 4", "no figure here is deflated", "not counted", "capital anew"):
        assert words in page
    for name in ("training", "purge", "embargo", "test"):
        assert page.count(f"window 1: {name}") == 1
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_the_page_is_left_out_on_request(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--no-report", "--json")
    assert not (Path(json.loads(done.out)["run_dir"]) / "report.html").exists()


def test_walk_forwards_are_compared_like_other_runs(small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--json")
    said = json.loads(done.out)
    other = json.loads(halfspread("run", small, "--json", "--no-report").out)
    beside = halfspread("runs", "compare", said["run_dir"], other["run_dir"], "--json")
    assert beside.code == 0, beside.err
    metrics = json.loads(beside.out)["metrics"]
    assert metrics[0]["total_return"] == pytest.approx(said["metrics"]["total_return"])
    days = pd.read_parquet(Path(said["run_dir"]) / "returns.parquet")
    assert days["out_of_sample"].sum() == pytest.approx(said["metrics"]["total_return"])


def test_a_grid_may_go_through_several_agents(small: Path, halfspread: Command) -> None:
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    small.write_text(text + '[agent]\ntype = "buy_and_hold"\n', encoding="utf-8")
    grid = ("--grid", "agent.type=sma_cross,bollinger,buy_and_hold")
    done = halfspread("walk-forward", small, *grid, *LENGTHS, *BY_RETURN)
    assert done.code == 0, done.err
    assert re.search("to +type +in sample", done.out)
    assert re.search("  (SmaCross|Bollinger|BuyAndHold)  ", done.out)
    (page,) = Path("runs").rglob("report.html")
    assert len(re.findall("window 1: (SmaCross|Bollinger|BuyAndHold)<", page.read_text(encoding="utf-8"))) == 1


def test_what_was_tried_on_the_same_data_before_is_told(small: Path, halfspread: Command) -> None:
    first = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--json")
    again = halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--json")
    assert [json.loads(done.out)["tried_before"]["settings"] for done in (first, again)] == [0, 0]
    other = halfspread("walk-forward", small, "--grid", "agent.fast=3,4", *LENGTHS, *BY_RETURN)
    assert "6 settings were tried on these data before (small/" in " ".join(other.out.split())
    newest = sorted(Path("runs").rglob("report.html"), key=lambda path: path.stat().st_mtime)[-1]
    assert "6 settings were tried on these data before (small/" in newest.read_text(encoding="utf-8")


# Learners.


def test_more_runs_than_anyone_means_are_asked_for(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("halfspread.commands.walk_forward.MANY", 23)  # 4 windows of 6 settings
    done = halfspread("walk-forward", small, *GRID, *LENGTHS)
    assert done.code == 2
    assert "4 windows of 6 settings are 24 runs of a training window, more than 23; take longer windows" in done.err
    assert not list(Path("runs").rglob("*"))
    assert halfspread("walk-forward", small, *GRID, *LENGTHS, *BY_RETURN, "--yes", "--no-report").code == 0


def test_an_agent_that_fits_itself_is_fitted_anew_in_every_window(learner: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", learner, *LENGTHS, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["learner"]
    assert len(said["windows"]) == 4
    tape = build_tape(load(learner))
    for window in said["windows"]:
        train = tape.slice(*(pd.Timestamp(window[name]) for name in ("train_start", "train_end")))
        assert isinstance(train.bars, Bars)
        closes = train.bars.rows[:, 3]
        assert window["parameters"]["sign"] == (1.0 if closes[-1] > closes[0] else -1.0)
    page = (Path(said["run_dir"]) / "report.html").read_text(encoding="utf-8")
    assert "fitted anew" in page
    assert "no figure here needs a correction" in page
    table = halfspread("walk-forward", learner, *LENGTHS).out
    assert re.search(r"to +sign +in sample", table)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Broken", "fit failed in the training window from .*KeyError: 'weights'.*drift.py, line 24"),
        ("Odd", r"fit gave \[1.0\], which is no agent"),
        ("Forgets", "nothing was chosen in any training window, .* or fit gave None"),
    ],
)
def test_a_fit_that_fails_is_told_as_such(learner: Path, halfspread: Command, name: str, said: str) -> None:
    done = halfspread("walk-forward", learner, *LENGTHS, "--set", f"agent.type=./drift.py:{name}")
    assert done.code == 2
    assert re.search(said, done.err), done.err


def test_a_walk_that_was_interrupted_goes_on_where_it_was(learner: Path, halfspread: Command) -> None:
    whole = json.loads(halfspread("walk-forward", learner, *LENGTHS, "--json").out)
    Path("fitted.txt").unlink()
    Path("stop.txt").touch()
    done = halfspread("walk-forward", learner, *LENGTHS, "--json")
    assert done.code == 130
    assert "the same command goes on from there" in done.err
    Path("stop.txt").unlink()
    again = halfspread("walk-forward", learner, *LENGTHS, "--json")
    assert "2 kept from before" in again.err
    assert Path("fitted.txt").stat().st_size == 3 + 2  # two of the four windows were kept
    said = json.loads(again.out)
    assert {**said, "run_dir": ""} == {**whole, "run_dir": ""}
    for file in ("daily.parquet", "windows.parquet", "returns.parquet"):
        one, other = (pd.read_parquet(Path(each["run_dir"]) / file) for each in (whole, said))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert not list(Path("runs").rglob(".walk-forward-*"))


def test_a_kept_window_that_was_edited_is_run_again(learner: Path, halfspread: Command) -> None:
    Path("stop.txt").touch()
    halfspread("walk-forward", learner, *LENGTHS)
    (first, _) = sorted(Path("runs").rglob("window-*.json"))
    first.write_text(first.read_text(encoding="utf-8").replace("Drift", "Other"), encoding="utf-8")
    Path("stop.txt").unlink()
    said = json.loads(halfspread("walk-forward", learner, *LENGTHS, "--json").out)
    assert {window["agent"] for window in said["windows"]} == {"Drift"}
    assert Path("fitted.txt").stat().st_size == 3 + 3


def test_settings_of_an_agent_that_learns_online_are_chosen_and_it_goes_on(small: Path, halfspread: Command) -> None:
    path = small.with_name("online.toml")
    agent = 'type = "rrl"\nfeatures = ["momentum(4)"]\n'
    path.write_text(small.read_text(encoding="utf-8").partition("[agent]")[0] + f"[agent]\n{agent}", encoding="utf-8")
    grid = ("--grid", "agent.learning_rate=0.01,0.3", "--grid", "agent.gate.every=1,7")
    done = halfspread("walk-forward", path, *grid, *LENGTHS, *BY_RETURN, "--json")
    assert done.code == 0, done.err
    windows = [each for each in json.loads(done.out)["windows"] if each["agent"]]
    assert windows
    for each in windows:
        assert each["parameters"]["learning_rate"] in (0.01, 0.3)
        assert each["parameters"]["gate"]["every"] in (1, 7)
        assert each["parameters"]["resume"] == "everything"


def test_an_agent_with_tables_among_its_parameters_is_walked(small: Path, halfspread: Command) -> None:
    path = small.with_name("online.toml")
    agent = 'type = "esn_rrl"\nfeatures = ["momentum(4)"]\nreservoir = { size = 5 }\ngate = { every = 12 }\n'
    path.write_text(small.read_text(encoding="utf-8").partition("[agent]")[0] + f"[agent]\n{agent}", encoding="utf-8")
    done = halfspread("walk-forward", path, *LENGTHS, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    table = pd.read_parquet(Path(said["run_dir"]) / "windows.parquet")
    gate = {"kind": "mean", "decay": 0.999, "every": 12}
    assert [json.loads(each) for each in table["gate"]] == [gate] * len(table)
    assert [window["parameters"]["gate"] for window in said["windows"]] == [gate] * len(table)
    assert said["windows"][0]["parameters"]["reservoir"]["size"] == 5


def test_what_cannot_be_walked_is_refused(learner: Path, small: Path, halfspread: Command) -> None:
    done = halfspread("walk-forward", learner, *LENGTHS, "--grid", "agent.sign=0,1")
    assert done.code == 2
    assert "each setting would be judged on what it was fitted on" in done.err.replace("\n", " ")
    bound = small.with_name("bound.toml")
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    bound.write_text(text + '[agent]\ntype = "clairvoyant"\n', encoding="utf-8")
    done = halfspread("walk-forward", bound, *LENGTHS)
    assert done.code == 2
    assert "clairvoyant is told the future, so that nothing is out of sample for it" in done.err


def test_a_walk_of_a_learner_is_verified(learner: Path, halfspread: Command) -> None:
    said = json.loads(halfspread("walk-forward", learner, *LENGTHS, "--json", "--no-report").out)
    done = halfspread("verify", said["run_dir"], "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["same_bits"]
