"""What a comparison leaves and says: the folders of its agents, the common report, the table or the JSON object."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from halfspread.commands.agent_runs import Ran
from halfspread.commands.folder import RunFolder, writing
from halfspread.commands.look_ahead import audit_object
from halfspread.commands.output import agent_object, print_json, print_table, sign_lines, where_lines, write_json
from halfspread.commands.proofs import proof_of
from halfspread.commands.replay import write_results
from halfspread.commands.terminal import without_controls
from halfspread.commands.tried import daily_pnl, tried_entry
from halfspread.engine.audit import Audit
from halfspread.reports.proof_section import Proof
from halfspread.reports.result import Result
from halfspread.reports.tried import Tried
from halfspread.reports.versus import versus, versus_object

__all__ = ["Comparison", "comparison_object", "show_comparison", "write_comparison"]


@dataclass(frozen=True)
class Comparison:
    """What ran, the results best first, what is unequal about the configs, and by config what was tried before."""

    ran: Ran
    ranked: Sequence[Result]
    unequal: Sequence[str]
    tried: Sequence[Tried]

    @property
    def warnings(self) -> list[str]:
        """Sentences that must be read before the numbers."""
        failed = [f"{_named(name, message)} (left out)" for name, message in self.ran.failed.items()]
        return [*failed, *self.unequal, *_peeks(self.ran.audits)]

    @property
    def entry(self) -> dict[str, Any]:
        """What the manifest holds of the agents as a whole."""
        audits = {name: None if each is None else audit_object(each) for name, each in self.ran.audits.items()}
        return {"audits": audits, "failed": self.ran.failed}

    @property
    def failures(self) -> list[dict[str, str]]:
        """The same of agents that failed, as JSON."""
        return _failures(self.ran.failed)

    def tried_before(self, result: Result) -> Tried:
        """What was tried on the data of a result before."""
        labels = [[each.label for each in built] for built in self.ran.agents]
        return next(tried for tried, some in zip(self.tried, labels, strict=True) if result.name in some)

    def tried_sentence(self, result: Result) -> str:
        """The same in words, with what it leaves of the ratio; empty where nothing was tried, and for a bound."""
        return "" if result.looks_ahead else self.tried_before(result).sentence(result.name, daily_pnl(result))

    @cached_property
    def differences(self) -> dict[str, Any]:
        """Differences and p-values over all agents."""
        return _differences(self.ranked)


def comparison_object(
    ranked: Sequence[Result], ranking: str, failed: Mapping[str, str], differences: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What ``metrics.json`` holds of all agents of a comparison: results ``ranked`` by ``ranking``, why others have
    ``failed``, and the ``differences`` between them, computed where not given."""
    agents = [agent_object(each) for each in ranked]
    said = {"ranking": ranking, "agents": agents, "failed": _failures(failed)}
    return {**said, "comparison": differences or _differences(ranked)}


def _differences(ranked: Sequence[Result]) -> dict[str, Any]:
    return versus_object(versus(ranked, [each.name for each in ranked]))


def _failures(failed: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "error": message} for name, message in failed.items()]


def _named(name: str, message: str) -> str:
    return message if message.startswith(name) else f"{name}: {message}"


def _peeks(audits: Mapping[str, Audit | None]) -> list[str]:
    """A sentence for each agent that looks ahead."""
    return [f"{name} {found}; its numbers mean nothing" for name, found in audits.items() if found and not found.passed]


def _audit_line(audits: Mapping[str, Audit | None], asked: bool) -> list[str]:
    """What the sampled audit has found, in a line."""
    found = [each for each in audits.values() if each is not None]
    if not found:
        return ["look-ahead: not audited" + (" (a streamed market)" if audits and asked else "")]
    cheats, vague = (sum(each.peek is not None for each in found), sum(each.differs is not None for each in found))
    said = f"{cheats} of {len(found)} agents look ahead" if cheats else "none found"
    said += f" ({vague} of {len(found)} do not repeat themselves)" if vague else ""
    moments = min(each.moments for each in found)
    return [f"look-ahead: {said} in a sample of {moments:,} moments each (all of them: halfspread audit CONFIG)"]


def write_comparison(
    folder: RunFolder, done: Comparison, facts: Sequence[dict[str, object]], arguments: Namespace
) -> None:
    """Write a folder for each agent, the metrics of all and the report; equity comes from where the runs left it.
    Raises UserError."""
    proofs = _proofs(done.ran, folder.path, arguments)
    proofs |= {each.name: replace(proofs[each.name], tried=done.tried_sentence(each)) for each in done.ranked}
    homes = {label: done.ran.outcomes[i].home for i, label in enumerate(done.ran.labels)}
    for result in done.ranked:
        home, source = folder.building / result.name, homes[result.name]
        with writing(home):
            home.mkdir()
            if source is not None:
                _bring(source / "equity.parquet", home / "equity.parquet")
        write_results(result, home, None, report=not arguments.no_report, proof=proofs[result.name])
    found = comparison_object(done.ranked, arguments.rank, done.ran.failed, done.differences)
    write_json(folder.building / "metrics.json", found)
    if not arguments.no_report:
        from halfspread.reports.html import compare_page

        provenance = facts[0] if len(facts) == 1 else {str(i): each for i, each in enumerate(facts, 1)}
        failed = [_named(name, message) for name, message in done.ran.failed.items()]
        page = compare_page(done.ranked, arguments.rank, provenance, title=folder.name, proofs=proofs, failed=failed)
        with writing(folder.building / "report.html"):
            (folder.building / "report.html").write_text(page, encoding="utf-8")


def _bring(source: Path, target: Path) -> None:
    """The file stays where it is too, so that a killed comparison finds it again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _proofs(ran: Ran, home: Path, arguments: Namespace) -> dict[str, Proof]:
    """What the reports say of the audit of each agent, by label."""
    audits = {} if arguments.no_audit else ran.audits
    return {
        each.label: proof_of(loaded, named, each, home, audits.get(each.label), each.label in audits)
        for loaded, named, built in zip(ran.configs, arguments.configs, ran.agents, strict=True)
        for each in built
    }


def show_comparison(folder: RunFolder, done: Comparison, arguments: Namespace) -> None:
    """Print the table, or the object of ``--json``, and the warnings."""
    for warning in done.warnings:
        print(f"halfspread: warning: {without_controls(warning)}", file=sys.stderr)
    if arguments.json:
        agents = [
            {
                **agent_object(each),
                "run_dir": str(folder.path / each.name),
                "tried_before": tried_entry(done.tried_before(each), each),
            }
            for each in done.ranked
        ]
        said = {"name": folder.name, "run_dir": str(folder.path), "ranking": arguments.rank, "agents": agents}
        said |= {"failed": done.failures, "audits": done.entry["audits"], "comparison": done.differences}
        print_json({**said, "warnings": done.warnings}, arguments.stdout)
        return
    from rich.console import Group

    from halfspread.reports.text import certainty_table, comparison_table

    ranked = done.ranked
    table = Group(comparison_table(ranked, arguments.rank), "", certainty_table(ranked, arguments.rank), "")
    lines = [f"ranked by {arguments.rank}", *_audit_line(done.ran.audits, not arguments.no_audit)]
    tried = done.tried_sentence(ranked[0])
    lines += [tried] if tried else []
    if done.ran.failed:
        lines.insert(0, f"failed, and left out: {', '.join(done.ran.failed)} (see the warnings)")
    flipped = dict.fromkeys(line for each in ranked for line in sign_lines(each.assumptions))
    print_table(table, *lines, *flipped, *where_lines(folder.path, report=not arguments.no_report))
