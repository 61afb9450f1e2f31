"""The study of imitation: every part on a small scale, and the page that is there against its numbers."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imitation_study import deadline, fidelity, horizon, position_feedback, worlds
from imitation_study.horizon import slope
from imitation_study.learners import LEARNERS, settings_of
from imitation_study.markdown import p_value, wrapped
from imitation_study.measures import summary, with_p
from imitation_study.page import TEMPLATE, page
from imitation_study.part import Part, Size
from imitation_study.parts import PARTS
from imitation_study.position_feedback import BRIEF
from imitation_study.study import IMAGES, run_study, write_study

from halfspread.agents.imitation.judging import Judgement, paired_permutation
from halfspread.agents.worlds.world import world

STUDIES = Path(__file__).resolve().parents[2] / "docs" / "studies"
TINY = Size(seeds=2, fresh=2, rollouts=2, epochs=2, horizon=640)
SMALL = (position_feedback.PART, worlds.PART, horizon.PART, fidelity.PART, deadline.PART)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def study(folder: Path) -> dict[str, Any]:
    return run_study(SMALL, TINY, out=folder, workers=1)


def test_every_part_has_its_numbers_under_its_name(study: dict[str, Any]) -> None:
    assert {part.name for part in SMALL} <= set(study)
    assert len({part.name for part in PARTS}) == len(PARTS)
    assert set(SMALL) < set(PARTS)
    assert study["size"]["seeds"] == TINY.seeds
    assert set(study["made"]["seconds"]) == {part.name for part in SMALL}


def test_position_feedback_holds_what_is_asked_for_it(study: dict[str, Any]) -> None:
    found = study["position_feedback"]
    assert {"bc", "dagger", "dart", "duplicates", "last_round_only", "noise_01"} < set(found) == set(LEARNERS)
    for name, one in found.items():
        assert 0.0 < one["disagreement"] < 1.0
        assert one["disagreement"] == pytest.approx(np.mean(one["by_seed"]), abs=1e-7)
        assert one["standard_error"] == pytest.approx(np.std(one["by_seed"], ddof=1) / np.sqrt(2), abs=1e-7)
        assert ("p" in one) is (name != "bc")
        assert ("brief" in one) is (name in BRIEF)


def test_a_number_is_what_training_and_judging_by_hand_give(study: dict[str, Any]) -> None:
    made = world("position_feedback")
    task = made.task(1)
    model = LEARNERS["dagger"].learn(task, settings_of(made, TINY.epochs), TINY.rollouts)
    found = Judgement.of([task.judge(i, model) for i in range(TINY.fresh)])
    one = study["position_feedback"]["dagger"]
    assert one["by_seed"][1] == pytest.approx(found.disagreement, abs=1e-7)
    assert one["pnl_by_seed"][1] == pytest.approx(found.pnl, abs=1e-4)
    own = study["fidelity"]["learners"]["dagger"]["by_seed"][1]
    expert = np.mean([task.show(i).result.pnl for i in range(TINY.fresh)])
    assert own == pytest.approx(found.pnl - expert, abs=1e-3)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_gets_as_many_labels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for Chapter 307's, which asks once and counts what it has as often."""
    from halfspread.agents.imitation.task import Task

    asked = []
    real = Task.roll_out

    def counting(self: Task, *given: Any, **named: Any) -> Any:
        asked.append(real(self, *given, **named))
        return asked[-1]

    monkeypatch.setattr(Task, "roll_out", counting)
    made = world("position_feedback").with_market(bars=400)
    LEARNERS[name].learn(made.task(0), settings_of(made, 1), 3)
    assert sum(len(each.times) for each in asked) == (400 if name == "duplicates" else 1200)


def test_in_the_easy_world_all_learners_come_to_the_same_policy(study: dict[str, Any]) -> None:
    easy = study["worlds"]["easy"]
    assert easy["bc"]["by_seed"] == easy["dagger"]["by_seed"] == easy["dagger_indicator"]["by_seed"]
    assert easy["expert"]["disagreement"] == 0.0
    hard = study["worlds"]["position_feedback"]
    assert hard["bc"]["by_seed"] == study["position_feedback"]["bc"]["by_seed"]


def test_slopes_of_powers_are_their_powers() -> None:
    steps = [125, 250, 500, 1000, 2000, 4000]
    for power in (1.0, 1.5, 2.0):
        assert slope(steps, [0.01 * each**power for each in steps]) == pytest.approx(power)
    assert np.isnan(slope(steps, [0.0] * 6))
    assert slope(steps, [1e9, *(2.0 * each for each in steps[1:])]) == pytest.approx(1.0)  # the first is not fitted


def test_regret_grows_with_the_horizon(study: dict[str, Any]) -> None:
    for where in horizon.SHOWN:
        for name in horizon.NAMES:
            regret = study["horizon"][where][name]["regret"]
            assert regret == sorted(regret)
            assert regret[-1] <= TINY.horizon
    assert study["horizon"]["steps"] == [20, 40, 80, 160, 320, 640]


def test_a_p_value_is_that_of_the_paired_test() -> None:
    rows = {
        "bc": [{"disagreement": value, "pnl": 1.0} for value in (0.3, 0.4, 0.5)],
        "dagger": [{"disagreement": value, "pnl": 1.0} for value in (0.1, 0.2, 0.1)],
    }
    found = with_p({name: summary(each) for name, each in rows.items()})
    wanted = paired_permutation([0.1, 0.2, 0.1], [0.3, 0.4, 0.5], np.random.default_rng(0))
    assert found["dagger"]["p"] == wanted == 0.25
    assert "p" not in found["bc"]
    assert [p_value(each) for each in (None, 1e-5, 0.0005, 0.04, 1.0)] == ["", "below 0.0001", "0.0005", "0.04", "1.00"]


def test_the_study_goes_on_from_what_is_kept_and_makes_the_same_numbers(
    study: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(job: Any) -> Any:
        raise AssertionError("it is kept")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {f"{part.name}.json" for part in SMALL}
    monkeypatch.setattr("imitation_study.study._results", refuse)
    again = run_study(SMALL, TINY, out=folder, workers=1)
    assert {name: each for name, each in again.items() if name != "made"} == {
        name: each for name, each in study.items() if name != "made"
    }
    with pytest.raises(TypeError):  # other jobs are not kept
        run_study(SMALL[:1], dataclasses.replace(TINY, fresh=3), out=folder, workers=1)


def test_the_same_numbers_come_out_whatever_the_number_of_workers(study: dict[str, Any], tmp_path: Path) -> None:
    again = run_study(SMALL[-1:], TINY, out=tmp_path, workers=2)
    assert again["deadline"] == study["deadline"]


def test_a_part_that_cannot_be_run_is_taken_from_before_or_left_out(study: dict[str, Any], tmp_path: Path) -> None:
    cannot = dataclasses.replace(SMALL[0], lacks=lambda: "no data here")
    kept = run_study([cannot], TINY, out=tmp_path, workers=1, before=study)
    assert kept["position_feedback"] == study["position_feedback"]
    without = run_study([cannot], TINY, out=tmp_path, workers=1)
    assert "position_feedback" not in without
    assert "## The acceptance experiment" not in page(without, PARTS)


def test_the_page_of_the_small_study_holds_its_numbers(study: dict[str, Any], tmp_path: Path) -> None:
    write_study(study, PARTS, tmp_path)
    text = (tmp_path / "imitation.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "imitation.json").read_text(encoding="utf-8")) == study
    assert page(study, PARTS) == text
    one = study["position_feedback"]["dagger"]
    said = f"{100.0 * one['disagreement']:.2f} % ± {100.0 * one['standard_error']:.2f}"
    assert any(line.startswith("| DAgger, beta = 0.5^i |") and f" {said} " in line for line in text.splitlines())
    changed = json.loads(json.dumps(study))
    changed["position_feedback"]["dagger"]["disagreement"] += 0.1
    assert page(changed, PARTS) != text
    assert all(len(line) <= 120 or line.startswith(("|", "- `")) for line in text.splitlines())


def test_pictures_are_small_and_readable_on_dark_and_light_paper(study: dict[str, Any]) -> None:
    drawn = {name: drawing for part in SMALL for name, drawing in part.pictures(study).items()}
    assert set(drawn) == {"learners.svg", "horizon.svg", "fidelity.svg"}
    for name, drawing in drawn.items():
        assert len(drawing.encode()) < 100_000, name
        assert "prefers-color-scheme: dark" in drawing
        assert "nan" not in re.sub(r"<title>.*?</desc>", "", drawing, flags=re.DOTALL).lower()
        root = ET.fromstring(drawing)
        width, height = (float(root.attrib[side]) for side in ("width", "height"))
        for each in root.iter("{http://www.w3.org/2000/svg}text"):
            assert 0.0 <= float(each.attrib["x"]) <= width
            assert 0.0 <= float(each.attrib["y"]) <= height


def test_the_text_has_a_number_only_where_one_is_put() -> None:
    text = re.sub(r"\{\{\w+\}\}", "", TEMPLATE.read_text(encoding="utf-8"))
    assert not re.findall(r"\d", text)


def test_text_is_wrapped_and_tables_are_left() -> None:
    long = "word " * 60
    found = wrapped(f"# {long}\n\n{long}\n\n| {long} |\n\n- {long}\n- short\n\n```\n{long}\n```\n")
    blocks = found.split("\n\n")
    assert [len(block.strip().splitlines()) for block in blocks] == [1, 3, 1, 4, 3]
    assert blocks[3].splitlines()[1].startswith("  word")


@pytest.mark.skipif(not (STUDIES / "imitation.json").is_file(), reason="the study has not been run here")
def test_the_page_that_is_there_is_made_from_the_numbers_that_are_there() -> None:
    kept = json.loads((STUDIES / "imitation.json").read_text(encoding="utf-8"))
    assert page(kept, PARTS) == (STUDIES / "imitation.md").read_text(encoding="utf-8")
    drawn = {name: drawing for part in PARTS if part.name in kept for name, drawing in part.pictures(kept).items()}
    assert {path.name for path in (STUDIES / IMAGES).iterdir()} == set(drawn)
    for name, drawing in drawn.items():
        assert (STUDIES / IMAGES / name).read_text(encoding="utf-8") == drawing


@pytest.mark.skipif(not (STUDIES / "imitation.json").is_file(), reason="the study has not been run here")
def test_the_numbers_that_are_there_are_those_that_were_asked_for() -> None:
    kept = json.loads((STUDIES / "imitation.json").read_text(encoding="utf-8"))
    found = kept["position_feedback"]
    assert kept["size"]["seeds"] == 12
    assert found["dagger"]["disagreement"] < 0.6 * found["bc"]["disagreement"]
    assert found["dagger"]["p"] < 0.01
    assert found["dart"]["disagreement"] <= found["bc"]["disagreement"] or found["dart"]["p"] > 0.05
    hard = kept["horizon"]["privileged"]
    assert hard["slope_difference"] > 2.0 * hard["slope_difference_error"]
    assert kept["deadline"]["forward"]["regret"] <= kept["deadline"]["bc"]["regret"]


def test_a_part_says_what_it_is() -> None:
    for part in PARTS:
        assert isinstance(part, Part)
        assert part.work.__module__.startswith("imitation_study.")
        assert len(part.jobs(TINY)) > 0
