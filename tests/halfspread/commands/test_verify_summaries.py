"""``halfspread verify`` of what a run folder says of all of it: edited, and sealed again as if nothing had been."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from halfspread.commands.run_files import MANIFEST, files_in, seal_of

Command = Any
Edit = Callable[[dict[str, Any]], object]
DAYS = ("--set", "market.days=70")


def the_run(name: str) -> Path:
    (folder,) = Path("runs", name).iterdir()
    return folder


def edited(file: Path, edit: Edit) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    edit(data)
    file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sealed(folder: Path, edit: Edit = lambda manifest: None) -> None:
    """Edit the manifest of a folder and seal it over the files that are there."""

    def again(manifest: dict[str, Any]) -> None:
        edit(manifest)
        manifest["files"] = files_in(folder)
        manifest["seal"] = manifest.pop("seal") and ""

    edited(folder / MANIFEST, again)
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace('"seal": ""', f'"seal": "{seal_of(text)}"'), encoding="utf-8")


def verified(halfspread: Command, folder: Path) -> tuple[int, dict[str, Any]]:
    done = halfspread("verify", folder, "--json")
    assert done.out, done.err
    return done.code, json.loads(done.out)


def test_what_a_comparison_says_of_all_agents_is_computed_again(several: Path, halfspread: Command) -> None:
    assert halfspread("compare", several, *DAYS, "--no-report", "--rank", "information_ratio").code == 0
    folder = the_run("several")
    metrics = folder / "metrics.json"
    whole = metrics.read_text(encoding="utf-8")
    sealed(folder)
    code, found = verified(halfspread, folder)
    assert (code, found["verdict"]) == (0, "verified: the same bits again")
    edits: dict[str, Edit] = {
        "comparison.tests[0].superior_ability": lambda o: o["comparison"]["tests"][0].update(superior_ability=1e-4),
        "agents[0].metrics.total_return": lambda o: o["agents"][0]["metrics"].update(total_return=9.9),
        "comparison.to_first.bollinger.value": lambda o: o["comparison"]["to_first"].pop("bollinger"),
        "ranking": lambda o: o.update(ranking="total_return"),
        "agents[0].name": lambda o: o["agents"].reverse(),
    }
    for field, edit in edits.items():
        edited(metrics, edit)
        sealed(folder)
        code, found = verified(halfspread, folder)
        assert (code, found["first"]["kind"], found["first"]["field"]) == (1, "metrics", field)
        assert found["verdict"].startswith(f"not verified: metrics differs: all agents, {field}: expected ")
        metrics.write_text(whole, encoding="utf-8")
    metrics.unlink()
    sealed(folder)
    code, found = verified(halfspread, folder)
    assert (code, found["first"]["found"]) == (1, "no such file")


def test_what_a_comparison_with_a_failed_agent_says_is_computed_again(small: Path, halfspread: Command) -> None:
    plugin = "import halfspread as hs\n\n\nclass Bad(hs.Strategy):\n    def on_bar(self, m):\n        return 1 / 0\n"
    small.with_name("bad.py").write_text(plugin, encoding="utf-8")
    text = small.read_text(encoding="utf-8").replace("[agent]", "[[agents]]")
    small.write_text(text + '\n[[agents]]\ntype = "./bad.py"\n', encoding="utf-8")
    assert halfspread("compare", small, "--no-report").code == 2
    code, found = verified(halfspread, the_run("small"))
    assert (code, found["results"]) == (0, [])


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("compare",),
        ("sweep", "--grid", "agent.fast=3,5"),
        ("sensitivity",),
        ("walk-forward", "--grid", "agent.fast=3,5", "--train", "1d", "--test", "12h"),
    ],
    ids=lambda command: command[0],
)
def test_what_a_manifest_shows_is_what_was_computed(small: Path, halfspread: Command, command: tuple[str, ...]) -> None:
    done = halfspread(command[0], small, *command[1:], "--no-report")
    assert done.code == 0, done.err
    folder = the_run("small")
    entry = "sweep" if command[0] == "sweep" else "walk_forward"
    counts = {"sweep": "tried", "walk-forward": "settings"}
    edits: dict[str, Edit] = {
        "agents[0].total_return": lambda o: o["agents"][0].update(total_return=99.0),
        "seed": lambda o: o.get("configs", [o])[0].update(seed=99),
    }
    if command[0] in counts:
        name = counts[command[0]]
        edits[f"{command[0]}.{name}"] = lambda o: o[entry].update({name: 1})
    whole = (folder / MANIFEST).read_text(encoding="utf-8")
    for field, edit in edits.items():
        sealed(folder, edit)
        code, found = verified(halfspread, folder)
        assert (code, found["first"]["field"], len(found["results"])) == (1, field, 1)
        assert found["first"]["where"] == f"{MANIFEST}, {field}"
        (folder / MANIFEST).write_text(whole, encoding="utf-8")
    code, found = verified(halfspread, folder)
    assert (code, found["results"]) == (0, [])
