"""What runs and comparisons say of how sure their figures are and what was audited: JSON, pages and terminal alike."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

Command = Any
LONG = ("--set", "market.days=70", "--set", "market.interval=1h")


@pytest.fixture
def compared(several: Path, halfspread: Command) -> tuple[dict[str, Any], str]:
    """JSON of a comparison of 70 days, and its page."""
    data = json.loads(halfspread("compare", several, "--json", *LONG).out)
    return data, (Path(data["run_dir"]) / "report.html").read_text(encoding="utf-8")


def test_a_run_gives_its_intervals_in_json_and_in_its_folder(small: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("run", small, "--json", *LONG).out)
    written = json.loads((Path(data["run_dir"]) / "metrics.json").read_text(encoding="utf-8"))
    assert written["intervals"] == data["intervals"]
    assert data["intervals"]["resamples"] == 1_000
    one = data["intervals"]["figures"]["total_return"]
    assert one["estimate"] == pytest.approx(data["metrics"]["total_return"])
    assert one["low"] < one["estimate"] < one["high"]
    again = json.loads(halfspread("run", small, "--json", "--no-report", *LONG).out)
    assert again["intervals"] == data["intervals"]
    assert again["metrics"] == data["metrics"]


def test_too_few_days_have_no_intervals_and_the_number_needed(small: Path, halfspread: Command) -> None:
    found = json.loads(halfspread("run", small, "--json").out)["intervals"]
    assert (found["figures"], found["days"], found["days_needed"]) == ({}, 3, 60)


def test_an_agent_has_the_same_intervals_alone_and_in_a_comparison(
    several: Path, compared: tuple[dict[str, Any], str], halfspread: Command
) -> None:
    for agent in compared[0]["agents"]:
        alone = json.loads(halfspread("run", several, "--agent", agent["name"], "--json", *LONG).out)
        assert alone["intervals"] == agent["intervals"]


def test_a_comparison_says_whether_the_best_is_only_the_luckiest(compared: tuple[dict[str, Any], str]) -> None:
    data, page = compared
    found = data["comparison"]
    names = {agent["name"] for agent in data["agents"]}
    assert found["first"] == data["agents"][0]["name"]
    assert found["buy_and_hold"] == "buy_and_hold"
    assert set(found["to_first"]) == names - {found["first"]}
    assert [test["against"] for test in found["tests"]] == ["nothing", "buy_and_hold"]
    for test in found["tests"]:
        assert 0.0 < test["superior_ability"] <= 1.0
        assert f"{test['superior_ability']:.3f}" in page
    written = json.loads((Path(data["run_dir"]) / "metrics.json").read_text(encoding="utf-8"))
    assert written["comparison"] == found


def test_the_terminal_tells_the_same_tests(
    several: Path, compared: tuple[dict[str, Any], str], halfspread: Command
) -> None:
    out = halfspread("compare", several, *LONG).out
    for test in compared[0]["comparison"]["tests"]:
        assert f"p = {test['superior_ability']:.3f} (superior ability)" in out
    assert "95% intervals" in out


def test_pages_tell_what_was_audited_and_what_to_type(several: Path, compared: tuple[dict[str, Any], str]) -> None:
    data, page = compared
    audit = re.findall(r'<section id="audit">.*?</section>', page, flags=re.DOTALL)[0]
    assert "No look-ahead found in a sample of" in audit
    assert f"halfspread audit {several} --set market.days=70 --set market.interval=1h" in audit
    assert f"halfspread verify {data['run_dir']}" in audit
    alone = (Path(data["run_dir"]) / "bollinger" / "report.html").read_text(encoding="utf-8")
    assert "--agent bollinger" in alone[alone.index('id="audit"') :]


def test_a_run_says_that_nothing_audited_it(small: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("run", small, "--json").out)
    page = (Path(data["run_dir"]) / "report.html").read_text(encoding="utf-8")
    audit = page[page.index('id="audit"') :]
    assert "Not audited" in audit
    assert f"halfspread audit {small}" in audit


def test_a_comparison_without_audit_says_so(several: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("compare", several, "--json", "--no-audit").out)
    page = (Path(data["run_dir"]) / "report.html").read_text(encoding="utf-8")
    assert "Not audited" in page[page.index('id="audit"') :]


def test_a_run_with_intervals_is_verified_to_the_bit(small: Path, halfspread: Command) -> None:
    data = json.loads(halfspread("run", small, "--json", *LONG).out)
    found = halfspread("verify", data["run_dir"], "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["verified"]
