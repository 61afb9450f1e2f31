"""``halfspread montecarlo``: what was varied is what is said, the same bytes for any workers, kills are survived, and
nothing that failed is forgotten."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.commands.registry import read_run
from halfspread.commands.run_files import MANIFEST, seal_of
from halfspread.configs.cell_work import CellWork
from halfspread.configs.load import load
from halfspread.configs.market import SyntheticSource

Command = Any

RANDOM = ("--set", "agent={ type = 'random_turnover', turnover = 3 }")
FILE = "market={ source='bars', venue='bybit', symbol='BTCUSDT', bars='bars.parquet', funding='funding.parquet' }"
CHANCE = """\
import pathlib
import time
import halfspread as hs


class Chance(hs.Strategy):
    level: float = 1.0

    def reset(self, rng, instruments):
        self.draw = float(rng.random())
        seed = len(list(pathlib.Path().glob("began-*")))
        pathlib.Path(f"began-{self.draw}").touch()
        if seed > 2 and pathlib.Path("wait").exists():
            time.sleep(60)

    def on_bar(self, market):
        if self.level > 1.5:
            raise RuntimeError("that is too much")
        return self.level if self.draw > 0.5 else -self.level
"""


LEARNER = """\
import pathlib
import halfspread as hs


class Learner(hs.Strategy):
    def fit(self, tape, rng):
        with open("lessons", "a") as file:
            file.write(f"{tape.hash()}\\n")
        self.level = float(rng.uniform(0.5, 1.0))
        return self

    def on_bar(self, market):
        return self.level if market.close > market.open else -self.level
"""


def folder(out: str = "runs", name: str = "small") -> Path:
    (found,) = [path for path in Path(out, name).iterdir() if not path.name.startswith(".")]
    return found


def table(out: str = "runs") -> pd.DataFrame:
    return pd.read_parquet(folder(out) / "trials.parquet")


def words(text: str) -> str:
    """Without breaks of lines."""
    return " ".join(text.split())


def plugin(small: Path, text: str = CHANCE) -> tuple[str, ...]:
    small.with_name("agent.py").write_text(text, encoding="utf-8")
    return ("--set", "agent={ type = './agent.py' }")


def on_file(small: Path, days: int = 8) -> None:
    market = load(small, [f"market.days={days}", "market.interval=1h"]).config.market
    assert isinstance(market, SyntheticSource)
    made = market.generate(np.random.default_rng(0))
    made.bars_frame().to_parquet("bars.parquet")
    made.funding_frame().to_parquet("funding.parquet")


def test_seeds_leave_a_run_folder_with_every_trial(small: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", small, *RANDOM, "--trials", 12)
    assert done.code == 0, done.err
    assert "12 runs, about " in done.err
    assert "Varied: 12 seeds of the agent. The market is one and the same in all trials." in words(done.out)
    assert "It says nothing about what another stretch of market would have given" in words(done.out)
    names = {"manifest.json", "metrics.json", "trials.parquet", "equity.parquet", "report.html"}
    assert {path.name for path in folder().iterdir()} == names
    trials = table()
    assert trials["seed"].tolist() == list(range(1, 13))
    assert trials["path"].isna().all()
    assert trials["state"].tolist() == ["done"] * 12
    assert trials["total_return"].nunique() == 12
    parts = ["price", "half_spread", "fee", "impact", "funding", "liquidation"]
    summed = trials[[f"attribution_{name}" for name in parts]].sum(axis=1)
    assert summed.to_numpy() == pytest.approx(trials["total_return"].to_numpy(), abs=1e-9)
    equity = pd.read_parquet(folder() / "equity.parquet")
    assert list(equity) == ["day", *(f"trial_{k}" for k in range(12))]
    assert equity.iloc[-1, 1:].tolist() == pytest.approx(trials["total_return"].tolist())
    record = read_run(folder())
    assert (record.state, record.kind) == ("complete", "montecarlo")
    assert record.agents[0]["total_return"] == pytest.approx(trials["total_return"].mean())
    assert not list(Path("runs/small").glob(".montecarlo*"))
    listed = halfspread("runs")
    assert "montecarlo" in listed.out


def test_a_trial_is_the_single_run_of_its_seed_bit_for_bit(small: Path, halfspread: Command) -> None:
    halfspread("montecarlo", small, *RANDOM, "--trials", 3, "--no-report")
    single = halfspread("run", small, *RANDOM, "--set", "seed=3", "--set", "market.seed=1", "--json", "--out", "one")
    assert json.loads(single.out)["metrics"]["total_return"] == table()["total_return"][2]


def test_the_distribution_is_that_of_the_table(small: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", small, *RANDOM, "--trials", 9, "--json", "--no-report")
    data = json.loads(done.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (data["trials"], data["seeds"], data["paths"], data["done"], data["failed"]) == (9, 9, 0, 9, 0)
    (agent,) = data["agents"]
    values = table()["total_return"]
    found = agent["distribution"]["total_return"]
    assert found["mean"] == pytest.approx(values.mean())
    assert found["std"] == pytest.approx(values.std())
    assert [found[name] for name in ("min", "q25", "median", "q75", "max")] == pytest.approx(
        values.quantile([0.0, 0.25, 0.5, 0.75, 1.0]).tolist()
    )
    assert found["standard_error"] == pytest.approx(values.std() / 3.0)
    assert found["upper"] - found["mean"] == pytest.approx(2.306004 * found["standard_error"], rel=1e-5)
    shown = {"total_return", "information_ratio", "max_drawdown", "turnover", "price", "fee", "funding", "half_spread"}
    assert shown <= set(agent["distribution"])
    assert agent["variance"] == {}
    assert not (Path(data["run_dir"]) / "report.html").exists()


@pytest.mark.parametrize("agent", ["compiled", "python"])
def test_one_worker_and_two_leave_the_same_bytes(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    monkeypatch.setattr("halfspread.configs.runner.PATIENT_EVENTS", 0)
    own = RANDOM if agent == "compiled" else plugin(small)
    more = ("--seeds", 2, "--paths", 3, "--block", "1d", "--set", "market.days=5")
    for workers in (1, 2):
        done = halfspread("montecarlo", small, *own, *more, "--workers", workers, "--out", f"out{workers}")
        assert done.code == 0, done.err
    first, second = folder("out1"), folder("out2")
    for name in ("trials.parquet", "equity.parquet", "metrics.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_several_agents_are_paired_by_trial(several: Path, halfspread: Command) -> None:
    text = several.read_text(encoding="utf-8").replace("sma_cross", "random_turnover")
    several.write_text(text, encoding="utf-8")
    done = halfspread("montecarlo", several, "--trials", 3, "--json")
    data = json.loads(done.out)
    assert [each["name"] for each in data["agents"]] == ["random_turnover", "buy_and_hold", "bollinger"]
    assert data["agents"][1]["distribution"]["total_return"]["std"] == 0.0
    trials = pd.read_parquet(Path(data["run_dir"]) / "trials.parquet")
    assert trials["trial"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    by = trials.pivot_table(index="trial", columns="agent", values="total_return")
    more = by["random_turnover"] - by["buy_and_hold"]
    assert data["pairs"][0]["mean"] == pytest.approx(more.mean())
    assert [each["second"] for each in data["pairs"]] == ["buy_and_hold", "bollinger"]
    assert len(pd.read_parquet(Path(data["run_dir"]) / "equity.parquet").columns) == 10
    one = halfspread("montecarlo", several, "--trials", 2, "--agent", "bollinger", "--json", "--out", "o")
    assert [each["name"] for each in json.loads(one.out)["agents"]] == ["bollinger"]
    page = (Path(data["run_dir"]) / "report.html").read_text(encoding="utf-8")
    assert "Agents against each other" in page


def test_paths_of_a_file_are_blocks_of_its_days_and_a_path_is_a_run_of_its_own(
    small: Path, halfspread: Command
) -> None:
    on_file(small)
    more = ("--set", FILE, "--set", "costs.half_spread={ kind = 'none' }", "--set", "agent={ type = 'buy_and_hold' }")
    done = halfspread("montecarlo", small, *more, "--paths", 4, "--block", "2d", "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out)
    assert (data["market"], data["block_days"], data["trials"]) == ("bootstrap", 2.0, 4)
    assert "4 paths of the market, its own 8 days in blocks of 2.0 days on average" in data["says"][0]
    trials = table()
    assert trials["path"].tolist() == [0, 1, 2, 3]
    assert (trials["seed"] == 1).all()
    single = halfspread(
        *("run", small, *more, "--set", "bootstrap={ path = 2, seed = 1, block = '2d' }", "--json", "--out", "one")
    )
    found = json.loads(single.out)
    assert found["metrics"]["total_return"] == trials["total_return"][2]
    assert "path 2 of the bootstrap (seed 1): 8 days in blocks of 2 on average" in found["assumptions"]["data"]
    plain = json.loads(halfspread("run", small, *more, "--json", "--out", "plain").out)["metrics"]["total_return"]
    assert data["agents"][0]["as_it_was"] == plain
    less = 100 * (trials["total_return"] < plain).mean()
    assert data["says"][-1].endswith(f"{less:.0f}% of the trials have less.")


def test_paths_of_a_made_up_market_are_markets_of_their_own(small: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", small, *RANDOM, "--paths", 3, "--no-report")
    assert "Varied: 3 markets made with seeds of their own. The seed of the agent is the same" in words(done.out)
    other = halfspread("run", small, *RANDOM, "--set", "market.seed=3", "--json", "--out", "one")
    assert json.loads(other.out)["metrics"]["total_return"] == table()["total_return"][2]


def test_crossed_trials_say_what_seeds_and_what_paths_differ_by(small: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", small, *RANDOM, "--seeds", 3, "--paths", 4)
    assert done.code == 0, done.err
    assert "variance of the net return of random_turnover: seeds " in words(done.out)
    found = json.loads((folder() / "metrics.json").read_text(encoding="utf-8"))["agents"][0]
    values = table()["total_return"].to_numpy().reshape(4, 3)
    parts, mean = found["variance"]["total_return"], values.mean()
    rest = values - values.mean(axis=0) - values.mean(axis=1)[:, None] + mean
    squares = (rest**2).sum() / 6.0
    of_paths = 3.0 * ((values.mean(axis=1) - mean) ** 2).sum() / 3.0
    assert parts["rest"] == pytest.approx(squares)
    assert parts["between_paths"] == pytest.approx(max(of_paths - squares, 0.0) / 3.0)
    assert "Seeds or market" in (folder() / "report.html").read_text(encoding="utf-8")


def test_values_that_are_drawn_are_written_down_and_do_not_move_the_market(small: Path, halfspread: Command) -> None:
    vary = ("--vary", "agent.fast=integer:3:9", "--vary", "costs.fees.taker=log_uniform:1e-4:1e-3")
    done = halfspread("montecarlo", small, "--trials", 5, *vary, "--json")
    assert done.code == 0, done.err
    trials = table()
    assert trials["agent.fast"].between(3, 9).all()
    assert trials["costs.fees.taker"].nunique() == 5
    again = halfspread("montecarlo", small, "--trials", 7, *vary, "--out", "more")
    assert again.code == 0
    assert table("more")["costs.fees.taker"][:5].tolist() == trials["costs.fees.taker"].tolist()
    assert json.loads(done.out)["varied"] == {
        "agent.fast": "integer:3:9",
        "costs.fees.taker": "log_uniform:0.0001:0.001",
    }
    single = ("--set", f"agent.fast={trials['agent.fast'][3]}", "--set", "seed=4", "--set", "market.seed=1")
    taker = f"costs.fees.taker={float(trials['costs.fees.taker'][3])!r}"
    found = halfspread("run", small, *single, "--set", taker, "--json", "--out", "one")
    assert json.loads(found.out)["metrics"]["total_return"] == trials["total_return"][3]


def test_trials_that_fail_are_recorded_told_and_in_no_mean(small: Path, halfspread: Command) -> None:
    own = plugin(small)
    done = halfspread("montecarlo", small, *own, "--trials", 6, "--vary", "agent.level=choice:1.0,2.0", "--workers", 1)
    assert done.code == 0, done.err
    trials = table()
    failed = trials["state"] == "failed"
    assert failed.sum() == (trials["agent.level"] == 2.0).sum() > 0
    assert trials["reason"][failed].str.contains("that is too much").all()
    first = int(trials["trial"][failed].iloc[0])
    assert f"did not run to the end; the first, trial {first}: " in words(done.out)
    page = (folder() / "report.html").read_text(encoding="utf-8")
    assert "Trials that did not run to their end" in page
    assert "that is too much" in page
    said = json.loads((folder() / "metrics.json").read_text(encoding="utf-8"))
    assert (said["done"], said["failed"]) == (6 - failed.sum(), failed.sum())
    assert said["agents"][0]["distribution"]["total_return"]["count"] == said["done"]


def test_a_killed_command_goes_on_where_it_was(small: Path, halfspread: Command) -> None:
    command = ("montecarlo", small, *plugin(small), "--trials", 5, "--workers", 1, "--no-report")
    assert halfspread(*command, "--out", "whole").code == 0
    for path in Path().glob("began-*"):
        path.unlink()
    Path("wait").touch()
    lines = ["import halfspread.commands.cell_store as store", "from halfspread.cli import main"]
    Path("often.py").write_text("\n".join([*lines, "store.PAUSE = 0.0", "main()", ""]), encoding="utf-8")
    process = Popen([sys.executable, "often.py", *map(str, command)])
    for _ in range(1_200):
        if len(list(Path().glob("began-*"))) > 3:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    (kept,) = Path("runs/small").glob(".montecarlo-*")
    assert len(list(kept.glob("cells-*.json"))) == 3
    Path("wait").unlink()
    done = halfspread(*command)
    assert done.code == 0, done.err
    assert "3 of 5 runs are kept from before, 2 to run" in done.err
    for name in ("trials.parquet", "equity.parquet", "metrics.json"):
        assert (folder() / name).read_bytes() == (folder("whole") / name).read_bytes(), name


def test_an_interrupted_command_keeps_its_trials(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ran = CellWork.run, []

    def interrupted(self: Any, plan: Any, progress: Any = None) -> Any:
        ran.append(plan.cell.index)
        if len(ran) > 4:
            raise KeyboardInterrupt
        return run(self, plan, progress)

    command = ("montecarlo", small, *RANDOM, "--paths", 6, "--block", "1d", "--workers", 1)
    with monkeypatch.context() as patched:
        patched.setattr(CellWork, "run", interrupted)
        done = halfspread(*command)
    assert done.code == 130
    assert "interrupted; finished trials are kept" in done.err
    assert "3 of 6 runs are kept from before" in halfspread(*command).err


def verified(halfspread: Command, *arguments: object) -> dict[str, Any]:
    done = halfspread("verify", *arguments, "--json")
    assert done.out, done.err
    return {**json.loads(done.out), "code": done.code}


def test_verify_runs_a_sample_or_all_again_and_names_the_trial_that_differs(small: Path, halfspread: Command) -> None:
    halfspread("montecarlo", small, *RANDOM, "--seeds", 3, "--paths", 5, "--block", "1d", "--set", "market.days=4")
    found = verified(halfspread, "small")
    assert (found["code"], found["verdict"]) == (0, "verified: the same bits again in 10 of 15 trials")
    assert found["sample"] == "10 of 15 trials"
    assert verified(halfspread, "small", "--trials", 2)["sample"] == "2 of 15 trials"
    whole = verified(halfspread, "small", "--all")
    assert (whole["verdict"], whole["sample"]) == ("verified: the same bits again", None)
    assert halfspread("verify", "small", "--trials", 0).code == 2
    trials = table()
    values = trials["total_return"].to_numpy(copy=True)
    values[7] += 1e-15
    trials["total_return"] = values
    trials.to_parquet(folder() / "trials.parquet")
    file = folder() / MANIFEST
    data = json.loads(file.read_text(encoding="utf-8"))
    from halfspread.commands.run_files import files_in

    data["files"] = files_in(folder())
    del data["seal"]
    text = json.dumps({**data, "seal": ""}, indent=2, ensure_ascii=False) + "\n"
    file.write_text(text.replace('"seal": ""', f'"seal": "{seal_of(text)}"'), encoding="utf-8")
    found = verified(halfspread, "small", "--all")
    assert found["code"] == 1
    assert found["first"]["where"].startswith("trial 7, agent=random_turnover, draw=1, seed=2, path=2: total_return")


def test_verify_finds_other_data_as_the_cause(small: Path, halfspread: Command) -> None:
    on_file(small)
    more = ("--set", FILE, "--set", "costs.half_spread={ kind = 'none' }", "--set", "agent={ type = 'buy_and_hold' }")
    assert halfspread("montecarlo", small, *more, "--paths", 4, "--block", "2d", "--no-report").code == 0
    small.unlink()
    assert verified(halfspread, "small")["verified"]
    bars = pd.read_parquet("bars.parquet")
    bars.loc[50, ["close", "high"]] = bars["high"].to_numpy()[50] * 1.01
    bars.to_parquet("bars.parquet")
    found = verified(halfspread, "small")
    assert (found["code"], found["first"]["kind"], found["first"]["file"]) == (1, "data", "bars.parquet")


def test_a_market_that_is_drawn_is_hashed_for_each_trial(small: Path, halfspread: Command) -> None:
    vary = ("--vary", "market.days=choice:2,3", "--trials", 6, "--no-report")
    assert halfspread("montecarlo", small, *RANDOM, *vary).code == 0
    assert set(table()["days"]) == {2, 3}
    facts = json.loads((folder() / MANIFEST).read_text(encoding="utf-8"))["montecarlo"]
    assert len(facts["markets"]) == 2
    assert verified(halfspread, "small", "--all")["verified"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trials", "0"], "--trials: expected 1 or more, got 0"),
        (["--seeds", "-1"], "--seeds: expected 1 or more, got -1"),
        (["--paths", "0"], "--paths: expected 1 or more, got 0"),
        (["--trials", "3", "--paths", "2"], "give --seeds and --paths instead"),
        (["--block", "5d"], "say how many paths"),
        (["--paths", "2", "--block", "5x"], "--block: expected an interval"),
        (["--paths", "2", "--block", "1h"], "a mean length of a day or more"),
        (["--paths", "2", "--block", "4d"], "a mean length from 1 to 3 days, all there are, got 4"),
        (["--paths", "2", "--block", "auto"], "3 days do not show how long a block should be"),
        (["--trials", "2", "--vary", "agent.fats=uniform:1:2"], "no parameter 'fats'"),
        (["--trials", "2", "--vary", "costs.feees=uniform:1:2"], "unknown key"),
        (["--trials", "2", "--vary", "agent.fast=uniform:2:1"], "an empty range: 2 is not below 1"),
        (["--trials", "2", "--vary", "agent.fast=integer:30:40"], "none of 2 trials can run; the first, seed=1"),
        (["--trials", "2", "--vary", "seed=integer:1:2"], "--trials or --seeds"),
        (["--paths", "2", "--vary", "market.days=choice:2,3"], "paths are made of one market"),
        (["--trials", "2", "--vary", "agents.other.fast=integer:1:2"], "all its cells would be the same"),
        (["--agent", "smaa"], "no agent 'smaa'"),
        (["--trials", "30000"], "30,000 runs are more than 20,000"),
        (["--trials", "2", "--workers", "0"], "--workers: expected 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    small: Path, halfspread: Command, arguments: list[str], said: str
) -> None:
    done = halfspread("montecarlo", small, *arguments)
    assert done.code == 2
    assert said in done.err
    assert not list(Path("runs").rglob("*.parquet"))


def test_a_learner_is_fitted_once_for_each_seed_on_what_it_is_to_learn_from(small: Path, halfspread: Command) -> None:
    own = ("--set", "training={ until = '2024-01-03' }", "--set", "market.days=6", "--workers", 1, "--no-report")
    done = halfspread("montecarlo", small, *plugin(small, LEARNER), *own, "--seeds", 2, "--paths", 3, "--block", "1d")
    assert done.code == 0, done.err
    lessons = Path("lessons").read_text(encoding="utf-8").split()
    # one of them by the run that shows the first trial to be the same again, where none is kept
    assert len(lessons) == 2
    assert len(set(lessons)) == 1  # days 1 and 2 as they were, whatever the path
    trials = table()
    assert trials["total_return"].nunique() == 6
    assert (trials["days"] == 4).all()


def test_a_field_of_one_of_several_agents_says_whose(several: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", several, "--trials", 2, "--vary", "agent.window=integer:5:9")
    assert done.code == 2
    assert "say whose: agents.sma_cross.window, or pick one with --agent NAME" in done.err
    done = halfspread("montecarlo", several, "--trials", 2, "--vary", "agents.bollinger.window=integer:5:9")
    assert done.code == 0, done.err
    trials = table_of(several)
    assert trials.loc[trials["agent"] == "buy_and_hold", "total_return"].nunique() == 1


def table_of(config: Path) -> pd.DataFrame:
    return pd.read_parquet(folder(name=config.stem) / "trials.parquet")


def test_one_trial_has_no_error_and_says_so(small: Path, halfspread: Command) -> None:
    done = halfspread("montecarlo", small, *RANDOM, "--trials", 1, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["agents"][0]["distribution"]["total_return"]
    assert found["count"] == 1
    assert found["standard_error"] is None
    assert math.isfinite(found["mean"])
