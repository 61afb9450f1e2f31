"""``halfspread compare``: several agents on one market and cost model."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from halfspread.commands.benchmarks import against, beside, series_of
from halfspread.commands.folder import RunFolder, writing
from halfspread.commands.look_ahead import audit_object, sample_agent
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.output import agent_object, print_json, print_table, where_lines, write_json
from halfspread.commands.progress import Progress
from halfspread.commands.proofs import proof_of
from halfspread.commands.replay import HashBeside, replay, write_results
from halfspread.configs.build import BuiltAgent, build_agents, build_tape, effective
from halfspread.configs.foresight import looks_ahead
from halfspread.configs.load import Loaded, load
from halfspread.engine.audit import Audit
from halfspread.engine.tape import Tape
from halfspread.reports.comparison import rank_results
from halfspread.reports.proof_section import Proof
from halfspread.reports.result import Result
from halfspread.reports.versus import versus, versus_object

__all__ = ["execute"]

#: Parts of the configs that have to be equal for a comparison on equal terms.
TERMS = ("all_markets", "costs", "margin", "sizing", "execution", "seed", "benchmark")


def execute(arguments: Namespace) -> int:
    """Run all agents of all configs and leave a folder with one folder for each agent and a common report."""
    watch = Stopwatch()
    configs = [load(name, arguments.set) for name in arguments.configs]
    agents = _distinct([build_agents(loaded) for loaded in configs], configs)
    progress = Progress(shown=not arguments.json)
    name = "_".join(dict.fromkeys(loaded.config.name for loaded in configs))[:80]
    shown = [effective(loaded, built, times_as_text=True) for loaded, built in zip(configs, agents, strict=True)]
    facts, results, tapes = [], [], _Tapes()
    audits: dict[str, Audit | None] = {}
    with RunFolder(Path(arguments.out), name, digest_of(shown)) as folder:
        for loaded, built, config in zip(configs, agents, shown, strict=True):
            with progress.step("read the market"):
                tape = tapes.of(loaded)
            watch.lap("read")
            tape_hash, code = HashBeside(tape), code_facts(loaded, built)
            series = series_of(loaded, tape)
            made = {each.label: replay(loaded, tape, each, _folder_in(folder, each), progress) for each in built}
            series = beside(loaded, built, made, series)
            results += [against(loaded, each, series) for each in made.values()]
            watch.lap("replay")
            if not arguments.no_audit:
                audits |= {
                    each.label: sample_agent(loaded, tape, each, progress)
                    for each in built
                    if not looks_ahead(each.agent)
                }
                watch.lap("audit")
            data = data_entry(loaded, tape_hash.result(), tape.origin)
            facts.append(manifest(loaded, config, data, built, code, folder.path))
            watch.lap("hash")
        ranked = rank_results(results, arguments.rank)
        proofs = _proofs(configs, agents, arguments, folder.path, audits)
        with progress.step("write the reports"):
            _write(folder, ranked, facts, proofs, arguments)
        watch.lap("write")
        audited = {name: None if each is None else audit_object(each) for name, each in audits.items()}
        common = {"configs": facts, "ranking": arguments.rank, "audits": audited, "seconds": watch.laps}
        write_manifest(folder.building, "compare", common, ranked)
    _show(ranked, folder, [*_unequal(configs), *_peeks(audits)], audits, arguments)
    return 0


class _Tapes:
    """Markets that several configs share are read once."""

    def __init__(self) -> None:
        self._last: tuple[object, Tape] | None = None

    def of(self, loaded: Loaded) -> Tape:
        key = (loaded.config.all_markets, loaded.config.seed, loaded.folder)
        if self._last is None or self._last[0] != key:
            self._last = (key, build_tape(loaded))
        return self._last[1]


def _proofs(
    configs: Sequence[Loaded],
    agents: Sequence[Sequence[BuiltAgent]],
    arguments: Namespace,
    home: Path,
    audits: Mapping[str, Audit | None],
) -> dict[str, Proof]:
    """What the reports say of the audit of each agent, by label."""
    return {
        each.label: proof_of(loaded, named, each, home, audits.get(each.label), each.label in audits)
        for loaded, named, built in zip(configs, arguments.configs, agents, strict=True)
        for each in built
    }


def _folder_in(folder: RunFolder, built: BuiltAgent) -> Path:
    home = folder.building / built.label
    with writing(home):
        home.mkdir()
    return home


def _distinct(agents: Sequence[Sequence[BuiltAgent]], configs: Sequence[Loaded]) -> list[list[BuiltAgent]]:
    """Labels that occur in more than one config get its name in front, and a number where that is not enough."""
    labels = [each.label for built in agents for each in built]
    used = {"manifest.json", "metrics.json", "report.html"}
    renamed: list[list[BuiltAgent]] = []
    for built, loaded in zip(agents, configs, strict=True):
        renamed.append([])
        for each in built:
            label = each.label if labels.count(each.label) == 1 else f"{loaded.config.name}.{each.label}"
            while label in used:
                label += "-again"
            used.add(label)
            renamed[-1].append(replace(each, label=label))
    return renamed


def _unequal(configs: Sequence[Loaded]) -> list[str]:
    """A sentence where the configs do not compare on equal terms."""
    first = configs[0].config
    terms = [
        "market" if term == "all_markets" else term
        for term in TERMS
        if any(getattr(each.config, term) != getattr(first, term) for each in configs)
    ]
    return [f"the configs differ in {', '.join(terms)}: their agents are not compared on equal terms"] if terms else []


def _peeks(audits: Mapping[str, Audit | None]) -> list[str]:
    """A sentence for each agent that looks ahead."""
    return [f"{name} {found}; its numbers mean nothing" for name, found in audits.items() if found and not found.passed]


def _audit_line(audits: Mapping[str, Audit | None]) -> list[str]:
    """What the sampled audit has found, in a line."""
    found = [each for each in audits.values() if each is not None]
    if not found:
        return ["look-ahead: not audited" + (" (a streamed market)" if audits else "")]
    cheats = sum(not each.passed for each in found)
    said = f"{cheats} of {len(found)} agents look ahead" if cheats else "none found"
    moments = min(each.moments for each in found)
    return [f"look-ahead: {said} in a sample of {moments:,} moments each (all of them: halfspread audit CONFIG)"]


def _write(
    folder: RunFolder,
    ranked: Sequence[Result],
    facts: Sequence[dict[str, object]],
    proofs: Mapping[str, Proof],
    arguments: Namespace,
) -> None:
    for result in ranked:
        home, proof = folder.building / result.name, proofs[result.name]
        write_results(result, home, None, report=not arguments.no_report, proof=proof)
    found = {"ranking": arguments.rank, "agents": [agent_object(each) for each in ranked]}
    write_json(folder.building / "metrics.json", {**found, "comparison": _comparison(ranked)})
    if not arguments.no_report:
        from halfspread.reports.html import compare_page

        provenance = facts[0] if len(facts) == 1 else {str(i): each for i, each in enumerate(facts, 1)}
        page = compare_page(ranked, arguments.rank, provenance, title=folder.name, proofs=proofs)
        with writing(folder.building / "report.html"):
            (folder.building / "report.html").write_text(page, encoding="utf-8")


def _comparison(ranked: Sequence[Result]) -> dict[str, object]:
    """Differences and p-values over all agents."""
    return versus_object(versus(ranked, [each.name for each in ranked]))


def _show(
    ranked: Sequence[Result],
    folder: RunFolder,
    warnings: Sequence[str],
    audits: Mapping[str, Audit | None],
    arguments: Namespace,
) -> None:
    for warning in warnings:
        print(f"halfspread: warning: {warning}", file=sys.stderr)
    if arguments.json:
        agents = [{**agent_object(each), "run_dir": str(folder.path / each.name)} for each in ranked]
        said = {"name": folder.name, "run_dir": str(folder.path), "ranking": arguments.rank, "agents": agents}
        said["audits"] = {name: None if found is None else audit_object(found) for name, found in audits.items()}
        print_json({**said, "comparison": _comparison(ranked), "warnings": warnings}, arguments.stdout)
        return
    from rich.console import Group

    from halfspread.reports.text import certainty_table, comparison_table

    table = Group(comparison_table(ranked, arguments.rank), "", certainty_table(ranked, arguments.rank), "")
    lines = [f"ranked by {arguments.rank}", *_audit_line(audits)]
    print_table(table, *lines, *where_lines(folder.path, report=not arguments.no_report))
