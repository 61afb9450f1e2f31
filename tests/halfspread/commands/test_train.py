"""``halfspread train``: a model, how faithful it is, and the same again."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents import Policy
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.dataset import load_dataset, save_dataset
from halfspread.agents.imitation.demonstrate import demonstrate
from halfspread.agents.imitation.rollout import Episode
from halfspread.agents.policies.model_file import load_model
from halfspread.configs.build import build_tape, run_terms
from halfspread.configs.costs import build_costs
from halfspread.configs.load import load

Command = Any
CLONE = """
[training]
until = 2024-01-02T12:00:00
embargo = "1h"

[agent]
type = "clone"
name = "pupil"
expert = { type = "sma_cross", fast = 5, slow = 20 }
features = ["average_gap(5, 20)", "log_return(1)"]
settings = { hidden = [16], epochs = 60, batch = 32 }
"""
EXPERT = 'expert = { type = "sma_cross", fast = 5, slow = 20 }'
DAGGER = CLONE.replace('"clone"', '"dagger"') + "rounds = 3\n"


def config(small: Path, agent: str) -> Path:
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    path = small.with_name("lesson.toml")
    path.write_text(text.replace('"small"', '"lesson"') + agent, encoding="utf-8")
    return path


@pytest.fixture
def clone(small: Path) -> Path:
    """A config whose agent clones a crossover."""
    return config(small, CLONE)


@pytest.fixture
def dagger(small: Path) -> Path:
    """A config whose agent learns from a crossover by DAgger."""
    return config(small, DAGGER)


def trained(halfspread: Command, path: Path, *more: object) -> tuple[dict[str, Any], Path]:
    done = halfspread("train", path, "--json", *more)
    assert done.code == 0, done.err
    said = json.loads(done.out)
    return said, Path(said["run_dir"])


def test_training_leaves_model_demonstrations_runs_and_a_page(clone: Path, halfspread: Command) -> None:
    said, folder = trained(halfspread, clone)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "manifest.json", "metrics.json", "report.html", "model.npz", "demonstrations.parquet", "pupil", "expert",
    }  # fmt: skip
    assert {path.name for path in (folder / "pupil").iterdir()} >= {"fills.parquet", "equity.parquet", "metrics.json"}
    model, rows = load_model(folder / "model.npz"), load_dataset(folder / "demonstrations.parquet")
    assert model.features.names == ("average_gap(5, 20)", "log_return(1)")
    assert len(rows) == said["learnt"][0]["rows"] > 300
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "pupil" in page
    assert "sma_cross" in page


def test_the_figures_are_those_of_the_runs_beside_them(clone: Path, halfspread: Command) -> None:
    said, folder = trained(halfspread, clone)
    assert [each["name"] for each in said["agents"]] == ["pupil", "expert"]
    own = json.loads((folder / "pupil" / "metrics.json").read_text(encoding="utf-8"))
    assert own["metrics"]["total_return"] == said["agents"][0]["metrics"]["total_return"]
    wrong = np.array(said["fidelity"]["confusion"])
    share = 1.0 - np.trace(wrong) / wrong.sum()
    assert said["fidelity"]["disagreement"] == pytest.approx(share, abs=1e-12)
    totals = [each["total"] for each in said["money"]]
    assert said["fidelity"]["regret"] == pytest.approx(totals[0] - totals[1], abs=1e-6)


def test_a_faithful_clone_is_told_from_one_that_cannot_see(clone: Path, halfspread: Command) -> None:
    seeing, _ = trained(halfspread, clone)
    blind, _ = trained(halfspread, clone, "--set", 'agent.features=["day_sine"]')
    assert seeing["fidelity"]["disagreement"] < 0.5 * blind["fidelity"]["disagreement"]


def test_the_model_trades_by_itself_as_it_did_when_it_was_judged(clone: Path, halfspread: Command) -> None:
    said, _ = trained(halfspread, clone, "--model", "models/pupil.npz")
    assert said["model_path"] == "models/pupil.npz"
    text = clone.read_text(encoding="utf-8").partition("[agent]")[0]
    alone = clone.with_name("alone.toml")
    alone.write_text(text + '[agent]\ntype = "policy"\nmodel_file = "models/pupil.npz"\n', encoding="utf-8")
    done = halfspread("run", alone, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["metrics"]["total_return"] == said["agents"][0]["metrics"]["total_return"]


def test_a_policy_is_refused_on_what_it_was_trained_on(small: Path, clone: Path, halfspread: Command) -> None:
    trained(halfspread, clone, "--model", "pupil.npz")
    text = small.read_text(encoding="utf-8").partition("[agent]")[0]
    alone = clone.with_name("alone.toml")
    alone.write_text(text + '[agent]\ntype = "policy"\nmodel_file = "pupil.npz"\n', encoding="utf-8")
    done = halfspread("run", alone)
    assert done.code == 2
    assert "2024-01-01" in done.err
    assert "trained" in done.err


@pytest.mark.parametrize("kind", ["clone", "dagger"])
def test_a_training_is_verified_to_the_bit(
    kind: str, small: Path, halfspread: Command, request: pytest.FixtureRequest
) -> None:
    _, folder = trained(halfspread, request.getfixturevalue(kind))
    done = halfspread("verify", folder)
    assert done.code == 0, done.out
    assert "the same bits again" in done.out


def test_an_edited_model_is_not_verified(clone: Path, halfspread: Command) -> None:
    _, folder = trained(halfspread, clone)
    model = folder / "model.npz"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    done = halfspread("verify", folder)
    assert done.code == 1
    assert "model.npz" in done.out


def test_dagger_tells_its_rounds_and_keeps_the_best(dagger: Path, halfspread: Command) -> None:
    said, _ = trained(halfspread, dagger)
    rounds = said["rounds"]
    assert [each["number"] for each in rounds] == [0, 1, 2]
    assert [each["beta"] for each in rounds] == [1.0, 0.5, 0.25]
    judged = [each["judged"] for each in rounds]
    assert [each["best"] for each in rounds].index(True) == judged.index(min(judged))
    assert rounds[-1]["labels"] == said["learnt"][0]["rows"]


def test_the_table_says_the_same_in_words(dagger: Path, halfspread: Command) -> None:
    done = halfspread("train", dagger, "--no-report")
    assert done.code == 0
    for words in ("disagreement", "regret", "net PnL", "kept", "model.npz", "type = 'policy'"):
        assert words in done.out


def test_learners_and_their_expert_are_compared_on_what_none_has_seen(clone: Path, halfspread: Command) -> None:
    text = clone.read_text(encoding="utf-8")
    both = clone.with_name("both.toml")
    agents = text.replace("[agent]", "[[agents]]") + '\n[[agents]]\ntype = "sma_cross"\nfast = 5\nslow = 20\n'
    both.write_text(agents.replace('"lesson"', '"both"'), encoding="utf-8")
    done = halfspread("compare", both, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    found = {each["name"]: each for each in said["agents"]}
    assert set(found) == {"pupil", "sma_cross"}
    assert {each["metrics"]["start"] for each in found.values()} == {found["pupil"]["metrics"]["start"]}
    assert all(audit["passed"] for audit in said["audits"].values())
    again = halfspread("verify", said["run_dir"])
    assert again.code == 0, again.out


@pytest.mark.parametrize("kind", ["clone", "dagger", "dart"])
def test_an_audit_of_a_learner_audits_the_policy(clone: Path, halfspread: Command, kind: str) -> None:
    done = halfspread("audit", clone, "--json", "--set", f"agent.type={kind}")
    assert done.code == 0, done.err
    assert json.loads(done.out)["agents"][0]["passed"]


def test_a_walk_forward_refits_the_clone_in_every_window(clone: Path, halfspread: Command) -> None:
    lengths = ("--train", "1d", "--test", "12h", "--metric", "total_return")
    done = halfspread("walk-forward", clone, *lengths, "--json")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["windows"]) == 4


def test_two_workers_train_the_same_models_as_one(clone: Path, halfspread: Command) -> None:
    text = clone.read_text(encoding="utf-8")
    both = clone.with_name("both.toml")
    second = text[text.index("[agent]") :].replace('"pupil"', '"second"').replace("epochs = 60", "epochs = 40")
    both.write_text((text + second).replace("[agent]", "[[agents]]"), encoding="utf-8")
    one, two = (json.loads(halfspread("compare", both, "--json", "--workers", n).out) for n in (1, 2))
    assert [each["metrics"] for each in one["agents"]] == [each["metrics"] for each in two["agents"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("[training]", "[benchmark]\nhold = true\n\n[ignored]"), "ignored"),
        (lambda text: text.replace('until = 2024-01-02T12:00:00\nembargo = "1h"', ""), "training.until"),
        (lambda text: text.replace("clone", "sma_cross").split("expert =")[0], "no agent that learns"),
        (lambda text: text.replace("average_gap(5, 20)", "averge_gap(5, 20)"), "did you mean average_gap"),
        (lambda text: text.replace("epochs = 60", "epochs = 0"), "settings.epochs"),
        (lambda text: text.replace('type = "sma_cross"', 'type = "buy_and_hold"').replace(", fast = 5, slow = 20", ""),
         "in all"),
        (lambda text: text.replace('type = "sma_cross"', 'type = "market_maker"').replace(", fast = 5, slow = 20", ""),
         "pupil: fit, in the training window"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_told_and_leaves_nothing(
    clone: Path, halfspread: Command, change: Any, words: str
) -> None:
    clone.write_text(change(clone.read_text(encoding="utf-8")), encoding="utf-8")
    done = halfspread("train", clone)
    assert done.code == 2, done.err
    assert words in done.err
    assert not list(Path("runs").rglob("manifest.json"))


def test_several_learners_need_a_name(clone: Path, halfspread: Command) -> None:
    text = clone.read_text(encoding="utf-8")
    second = text[text.index("[agent]") :].replace('"pupil"', '"second"')
    clone.write_text((text + second).replace("[agent]", "[[agents]]"), encoding="utf-8")
    assert "--agent" in halfspread("train", clone).err
    said, _ = trained(halfspread, clone, "--agent", "second")
    assert said["agents"][0]["name"] == "second"


def test_a_plug_in_learner_has_no_model_to_save(small: Path, halfspread: Command) -> None:
    small.with_name("own.py").write_text(
        "import halfspread as hs\n\n\nclass Own(hs.Strategy):\n    def fit(self, tape, rng):\n        return self\n"
        "\n    def on_bar(self, market):\n        return 1.0\n",
        encoding="utf-8",
    )
    path = config(small, CLONE.partition("[agent]")[0] + '[agent]\ntype = "./own.py"\n')
    done = halfspread("train", path)
    assert done.code == 2
    assert "gives no model" in done.err
    assert halfspread("run", path, "--no-report").code == 0


@pytest.mark.parametrize("name", ["model.bin", "."])
def test_a_name_that_no_model_can_have_is_refused_before_training(clone: Path, halfspread: Command, name: str) -> None:
    done = halfspread("train", clone, "--model", name)
    assert done.code == 2
    assert ".npz" in done.err


def test_runs_list_and_show_a_training(clone: Path, halfspread: Command) -> None:
    trained(halfspread, clone)
    assert "train" in halfspread("runs").out
    shown = halfspread("runs", "show", "lesson")
    assert shown.code == 0
    assert "pupil" in shown.out


def test_an_interrupted_training_goes_on_from_its_finished_rounds(
    dagger: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = trained(halfspread, dagger, "--out", "whole")
    collect, asked = DAggerTrainer.collect, list[int]()

    def stop_in_the_last(self: DAggerTrainer, round: int, rollout: int) -> Episode:
        asked.append(round)
        if asked == [0, 1, 2]:
            raise KeyboardInterrupt
        return collect(self, round, rollout)

    monkeypatch.setattr(DAggerTrainer, "collect", stop_in_the_last)
    stopped = halfspread("train", dagger)
    assert stopped.code == 130
    assert "finished rounds are kept" in stopped.err
    assert not list(Path("runs").rglob("manifest.json"))
    said, _ = trained(halfspread, dagger)
    assert asked == [0, 1, 2, 2]
    assert said["model"]["hash"] == whole["model"]["hash"]
    assert not list(Path("runs").rglob(".train-*"))


def test_an_interrupted_clone_leaves_nothing_behind(
    clone: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("halfspread.commands.train.training_view", stop)
    assert halfspread("train", clone).code == 130
    assert not list(Path("runs").rglob("*"))


def test_another_model_under_the_same_name_is_noticed(clone: Path, halfspread: Command) -> None:
    trained(halfspread, clone, "--model", "pupil.npz")
    text = clone.read_text(encoding="utf-8").partition("[agent]")[0]
    alone = clone.with_name("alone.toml")
    alone.write_text(text + '[agent]\ntype = "policy"\nmodel_file = "pupil.npz"\n', encoding="utf-8")
    folder = json.loads(halfspread("run", alone, "--json").out)["run_dir"]
    assert halfspread("verify", folder).code == 0
    trained(halfspread, clone, "--model", "pupil.npz", "--set", "seed=9")
    done = halfspread("verify", folder)
    assert done.code == 1
    assert "agent.model_file (pupil.npz)" in done.out


def test_a_model_is_shown_in_words_and_as_json(clone: Path, halfspread: Command) -> None:
    _, folder = trained(halfspread, clone)
    shown = halfspread("model", "show", folder / "model.npz")
    assert shown.code == 0
    for words in ("average_gap(5, 20)", "2024-01-01", "2-16-3"):
        assert words in shown.out
    said = json.loads(halfspread("model", "show", folder / "model.npz", "--json").out)
    assert said["features"] == "average_gap(5, 20), log_return(1)"


@pytest.mark.parametrize(("name", "words"), [("none.npz", "no such model"), ("lesson.toml", "expected a model")])
def test_what_is_no_model_is_told(clone: Path, halfspread: Command, name: str, words: str) -> None:
    done = halfspread("model", "show", clone.with_name(name))
    assert done.code == 2
    assert words in done.err


def test_recorded_demonstrations_teach_what_their_expert_did(clone: Path, halfspread: Command) -> None:
    said, folder = trained(halfspread, clone)
    text = clone.read_text(encoding="utf-8")
    lines = [each for each in text.splitlines() if not each.startswith(("expert =", "features ="))]
    records = clone.with_name("records.toml")
    records.write_text("\n".join([*lines, f'demonstrations = "{folder}/demonstrations.parquet"']), encoding="utf-8")
    again, _ = trained(halfspread, records)
    assert again["agents"][0]["metrics"]["fills"] == said["agents"][0]["metrics"]["fills"]
    assert [each["name"] for each in again["agents"]] == ["pupil"]
    assert any("record" in each for each in again["warnings"])
    shown = halfspread("train", records)
    assert shown.code == 0, shown.err
    assert "Nothing can be said of how faithful" in shown.out


def test_records_of_another_time_are_refused(clone: Path, halfspread: Command) -> None:
    _, folder = trained(halfspread, clone)
    text = (
        clone.read_text(encoding="utf-8")
        .replace("[market]", "[market]\nstart = 2025-01-01")
        .replace("2024-01", "2025-01")
    )
    lines = [each for each in text.splitlines() if not each.startswith(("expert =", "features ="))]
    records = clone.with_name("records.toml")
    records.write_text("\n".join([*lines, f'demonstrations = "{folder}/demonstrations.parquet"']), encoding="utf-8")
    done = halfspread("train", records)
    assert done.code == 2
    assert "none of them in the training window" in done.err


def test_a_clone_goes_on_from_a_saved_model_with_few_labels(clone: Path, halfspread: Command) -> None:
    trained(halfspread, clone, "--model", "first.npz")
    few = ("--set", "agent.labels=60", "--set", "agent.settings.epochs=3")
    alone, _ = trained(halfspread, clone, *few)
    tuned, _ = trained(halfspread, clone, *few, "--set", "agent.start=first.npz")
    assert tuned["learnt"][0]["rows"] == alone["learnt"][0]["rows"] == 60
    assert tuned["fidelity"]["disagreement"] < 0.5 * alone["fidelity"]["disagreement"]


def test_augmentation_is_a_table_of_the_learner(clone: Path, halfspread: Command) -> None:
    plain, _ = trained(halfspread, clone)
    more, _ = trained(halfspread, clone, "--set", "agent.augment={ mirror = true, jitter = 0.02 }")
    assert more["learnt"] == plain["learnt"]
    assert more["model"]["hash"] != plain["model"]["hash"]
    wrong = halfspread("train", clone, "--set", "agent.augment={ miror = true }")
    assert wrong.code == 2
    assert "miror" in wrong.err


def test_trees_without_their_library_say_what_to_install(
    clone: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    done = halfspread("train", clone, "--set", "agent.type=boosted_clone")
    assert done.code == 2
    assert "halfspread[trees]" in done.err


def test_who_was_taught_by_a_policy_has_seen_what_it_has_seen(clone: Path, halfspread: Command) -> None:
    later = ("--set", "training.until=2024-01-03T12:00:00", "--model", "later.npz")
    trained(halfspread, clone, *later)
    text = clone.read_text(encoding="utf-8")
    taught = text.replace(EXPERT, 'expert = { type = "policy", model_file = "later.npz" }')
    mixed = text.replace(EXPERT, f'expert = {{ type = "mixture", first = {EXPERT[9:]}, second = {EXPERT[9:]} }}')
    mixed = mixed.replace(f"second = {EXPERT[9:]}", 'second = { type = "policy", model_file = "later.npz" }')
    for changed in (taught, mixed, taught.replace('"clone"', '"dagger"')):
        assert changed != text
        clone.write_text(changed, encoding="utf-8")
        done = halfspread("run", clone)
        assert done.code == 2, done.out
        assert "was trained on" in done.err


def test_an_expert_that_knows_its_own_path_only_is_cloned_and_judged_there(clone: Path, halfspread: Command) -> None:
    text = clone.read_text(encoding="utf-8")
    clone.write_text(text.replace(EXPERT, 'expert = { type = "clairvoyant" }'), encoding="utf-8")
    said, folder = trained(halfspread, clone)
    assert said["fidelity"]["disagreement"] is None
    assert 0.0 < said["fidelity"]["agreement"] < 1.0
    assert any("its own path only" in each for each in said["warnings"])
    assert (folder / "model.npz").is_file()
    assert "more is not known" in halfspread("train", clone).out


RAISES = """
import halfspread as hs


class Raises(hs.Strategy):
    def reset(self, rng, instruments):
        self.wanted = 0.0

    def on_bar(self, market):
        if abs(market.position - self.wanted) > 0.5:
            raise KeyError("not my position")
        self.wanted = 1.0 if market.close > market.open else -1.0
        return self.wanted
"""


def test_an_expert_that_raises_where_the_learner_goes_costs_no_model(clone: Path, halfspread: Command) -> None:
    clone.with_name("raises.py").write_text(RAISES, encoding="utf-8")
    text = clone.read_text(encoding="utf-8")
    clone.write_text(text.replace(EXPERT, 'expert = { type = "./raises.py" }'), encoding="utf-8")
    said, folder = trained(halfspread, clone)
    assert any("failed on data held out" in each and "not my position" in each for each in said["warnings"])
    assert (folder / "model.npz").is_file()
    assert said["fidelity"]["disagreement"] is None


@pytest.mark.parametrize("name", ["expert", "model.npz", "metrics.json"])
def test_a_learner_cannot_be_called_what_lies_beside_it(clone: Path, halfspread: Command, name: str) -> None:
    done = halfspread("train", clone, "--set", f"agent.name={name}")
    assert done.code == 2
    assert f"agent {name}: that is what something else" in done.err


def test_a_budget_of_no_labels_is_refused(dagger: Path, halfspread: Command) -> None:
    done = halfspread("train", dagger, "--set", "agent.budget=0")
    assert done.code == 2
    assert "budget" in done.err
    said, _ = trained(halfspread, dagger, "--set", "agent.budget=120")
    assert said["rounds"][-1]["labels"] == 120


@pytest.fixture
def records(clone: Path, halfspread: Command) -> Path:
    """A config whose agent clones the fills of a crossover's own run over the whole market."""
    text = clone.read_text(encoding="utf-8")
    whole = clone.with_name("whole.toml")
    whole.write_text(
        text.partition("[training]")[0] + '[agent]\ntype = "sma_cross"\nfast = 5\nslow = 20\n', encoding="utf-8"
    )
    run = Path(json.loads(halfspread("run", whole, "--json").out)["run_dir"])
    fills = pd.read_parquet(run / "fills.parquet")
    signed = fills["contracts"].to_numpy()
    table = {"ts": fills["time"], "symbol": "BTCUSDT", "price": fills["price"], "size": signed}
    pd.DataFrame(table).to_csv(clone.with_name("fills.csv"), index=False)
    lines = [line for line in text.splitlines() if not line.startswith("expert =")]
    lines[lines.index('type = "clone"')] = 'type = "record_clone"\nfills = "fills.csv"\nfull_size = 0.3'
    path = clone.with_name("records.toml")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_traders_fills_are_cloned_from_a_config(records: Path, halfspread: Command) -> None:
    said, folder = trained(halfspread, records)
    rows = load_dataset(folder / "demonstrations.parquet")
    assert rows.times.max() <= pd.Timestamp("2024-01-02T12:00").value
    assert 0.5 < np.abs(rows.expert).max() < 0.9
    assert any("record" in each for each in said["warnings"])


def test_fills_after_the_training_window_change_nothing(records: Path, halfspread: Command) -> None:
    before, _ = trained(halfspread, records)
    file = records.with_name("fills.csv")
    table = pd.read_csv(file)
    late = pd.to_datetime(table["ts"], utc=True) > pd.Timestamp("2024-01-02T12:00", tz="UTC")
    assert 0 < late.sum() < len(table)
    table.loc[late, "size"] *= -3.0
    table.to_csv(file, index=False)
    after, _ = trained(halfspread, records)
    assert after["model"]["hash"] == before["model"]["hash"]


def test_dated_signals_are_cloned_as_of_their_publication(records: Path, halfspread: Command) -> None:
    times = pd.date_range("2024-01-01T03:00", "2024-01-03T20:00", freq="3h", tz="UTC")
    words = ["buy", "sell"] * len(times)
    pd.DataFrame({"ts": times, "symbol": "BTCUSDT", "signal": words[: len(times)]}).to_csv(
        records.with_name("signals.csv"), index=False
    )
    text = records.read_text(encoding="utf-8").replace(
        'fills = "fills.csv"\nfull_size = 0.3', 'signals = "signals.csv"'
    )
    records.write_text(text, encoding="utf-8")
    _, folder = trained(halfspread, records)
    rows = load_dataset(folder / "demonstrations.parquet")
    assert rows.times.min() >= times[0].value
    assert (rows.available <= rows.times).all()
    assert set(rows.expert) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("full_size = 0.3", ""), "full_size: expected the contracts"),
        (("full_size = 0.3", "full_size = 1e-6"), "more than full_size"),
        (('fills = "fills.csv"', 'fills = "none.csv"'), "none.csv: no such file"),
        (('fills = "fills.csv"\nfull_size = 0.3', ""), "got neither"),
    ],
)
def test_a_record_that_cannot_be_is_told(
    records: Path, halfspread: Command, change: tuple[str, str], words: str
) -> None:
    records.write_text(records.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    done = halfspread("train", records)
    assert done.code == 2
    assert words in done.err


def test_rows_of_an_expert_that_knew_more_are_not_laundered_by_a_file(clone: Path, halfspread: Command) -> None:
    text = clone.read_text(encoding="utf-8")
    clone.write_text(text.replace("until = 2024-01-02T12:00:00", "until = 2024-01-02T20:00:00"), encoding="utf-8")
    trained(halfspread, clone, "--model", "later.npz")
    foresees = clone.read_text(encoding="utf-8").replace(EXPERT, 'expert = { type = "clairvoyant" }')
    clone.with_name("foresees.toml").write_text(foresees, encoding="utf-8")
    _, folder = trained(halfspread, clone.with_name("foresees.toml"))
    lines = [each for each in text.splitlines() if not each.startswith(("expert =", "features ="))]
    for rows in (_recorded_by_policy(clone), folder / "demonstrations.parquet"):
        clone.write_text("\n".join([*lines, f'demonstrations = "{rows}"']), encoding="utf-8")
        done = halfspread("run", clone)
        assert done.code == 2, done.out
        assert "was trained on" in done.err
        clone.write_text(text, encoding="utf-8")


def _recorded_by_policy(clone: Path) -> Path:
    loaded = load(clone)
    tape = build_tape(loaded, whole=True)
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    policy = Policy(model_file="later.npz")
    rows = demonstrate(tape, policy, policy.model_read.features, costs, in_sample=True, **run_terms(loaded))
    return save_dataset(rows, clone.with_name("rows.parquet"))


def test_demonstrations_of_another_market_are_refused(clone: Path, halfspread: Command) -> None:
    _, folder = trained(halfspread, clone)
    text = clone.read_text(encoding="utf-8")
    rows = load_dataset(folder / "demonstrations.parquet")
    other = dataclasses.replace(rows.trained[0], instrument="bybit:ETHUSDT")
    save_dataset(dataclasses.replace(rows, trained=(other,)), clone.with_name("other.parquet"))
    lines = [each for each in text.splitlines() if not each.startswith(("expert =", "features ="))]
    clone.write_text("\n".join([*lines, 'demonstrations = "other.parquet"']), encoding="utf-8")
    done = halfspread("run", clone)
    assert done.code == 2
    assert "recorded on bybit:ETHUSDT" in done.err


CROSSING = """
import halfspread as hs


class Crossing(hs.Strategy):
    lookback: int = 20

    def reset(self, rng, instruments):
        self.now = 0.0

    def on_bar(self, market):
        closes = market.history("close")
        side = 1.0 if closes[-5:].mean() > closes.mean() else -1.0
        if side == self.now:
            return None
        self.now = side
        return side
"""


def test_a_learner_that_knows_nothing_is_found_out_beside_an_expert_that_seldom_speaks(
    clone: Path, halfspread: Command
) -> None:
    clone.with_name("crossing.py").write_text(CROSSING, encoding="utf-8")
    text = clone.read_text(encoding="utf-8")
    clone.write_text(text.replace(EXPERT, 'expert = { type = "./crossing.py" }'), encoding="utf-8")
    blindfold = ("--set", 'agent.features=["volume", "position"]')
    blind, _ = trained(halfspread, clone, *blindfold)
    assert blind["fidelity"]["disagreement"] < 0.12
    assert blind["fidelity"]["missed"] > 0.8
    assert blind["fidelity"]["apart"] > 0.3
    words = " ".join(halfspread("train", clone, *blindfold).out.split())
    assert "of the changes that its expert wanted" in words
    own, _ = trained(halfspread, clone, *blindfold, "--set", "agent.silence=own")
    assert own["fidelity"]["disagreement"] > 0.3
    assert own["fidelity"]["disagreement"] == pytest.approx(own["fidelity"]["apart"])
    seeing, _ = trained(halfspread, clone, "--set", "agent.silence=own", "--set", "agent.type=dagger")
    assert seeing["fidelity"]["disagreement"] < 0.5 * own["fidelity"]["disagreement"]


def test_an_edited_expert_of_a_learner_is_noticed(clone: Path, halfspread: Command) -> None:
    expert = clone.with_name("crossing.py")
    expert.write_text(CROSSING, encoding="utf-8")
    text = clone.read_text(encoding="utf-8")
    clone.write_text(text.replace(EXPERT, 'expert = { type = "./crossing.py" }'), encoding="utf-8")
    _, folder = trained(halfspread, clone)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["plugins"]["pupil"]["files"]) == ["crossing.py"]
    expert.write_text(CROSSING.replace("> closes.mean()", "< closes.mean()"), encoding="utf-8")
    done = halfspread("verify", folder)
    assert done.code == 1
    assert "crossing.py" in done.out


def test_a_model_that_cannot_be_put_somewhere_costs_no_run(clone: Path, halfspread: Command) -> None:
    clone.with_name("file").write_text("", encoding="utf-8")
    done = halfspread("train", clone, "--model", "file/pupil.npz")
    assert done.code == 2
    assert "the run is complete" in done.err
    (model,) = Path("runs").rglob("model.npz")
    assert str(model) in done.err
    assert halfspread("verify", model.parent).code == 0
