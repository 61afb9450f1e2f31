"""``halfspread compare``: several agents on one market and cost model."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from halfspread.commands.agent_runs import FAILED_AGENTS, run_agents
from halfspread.commands.agent_store import AgentStore
from halfspread.commands.bases import worker_count
from halfspread.commands.compare_output import Comparison, show_comparison, write_comparison
from halfspread.commands.folder import RunFolder, inside, resumable
from halfspread.commands.manifest import Stopwatch, code_facts, digest_of, manifest, write_manifest
from halfspread.commands.progress import Progress
from halfspread.commands.tried import find_tried, tried_entry
from halfspread.configs.build import BuiltAgent, build_agents, effective
from halfspread.configs.load import Loaded, load
from halfspread.reports.comparison import rank_results

__all__ = ["execute"]

INTERRUPTED = 130

#: Parts of the configs that have to be equal for a comparison on equal terms.
TERMS = ("all_markets", "costs", "margin", "sizing", "execution", "seed", "benchmark")


def execute(arguments: Namespace) -> int:
    """Run all agents of all configs and leave a folder with one folder for each agent and a common report."""
    watch, workers = Stopwatch(), worker_count(arguments)
    configs = [load(name, arguments.set) for name in arguments.configs]
    agents = _distinct([build_agents(loaded) for loaded in configs], configs)
    codes = [code_facts(loaded, built) for loaded, built in zip(configs, agents, strict=True)]
    progress, out = Progress(shown=not arguments.json), Path(arguments.out)
    name = "_".join(dict.fromkeys(loaded.config.name for loaded in configs))[:80]
    shown = [effective(loaded, built, times_as_text=True) for loaded, built in zip(configs, agents, strict=True)]
    store = AgentStore(inside(out, name), {"configs": shown, "code": codes, "audit": not arguments.no_audit})
    watch.lap("plan")
    try:
        with resumable("agents"), store:
            ran = run_agents(configs, agents, store, arguments, workers, progress)
            watch.lap("replay")
            ranked = rank_results(ran.results(), arguments.rank)
            tried = [find_tried(out, ran.data[i]["hash"]) for i in range(len(configs))]
            done = Comparison(ran, ranked, _unequal(configs), tried)
            with RunFolder(out, name, digest_of(shown)) as folder:
                facts = [
                    manifest(loaded, shown[i], ran.data[i], agents[i], codes[i], folder.path)
                    | {"tried_before": tried_entry(tried[i])}
                    for i, loaded in enumerate(configs)
                ]
                watch.lap("hash")
                with progress.step("write the reports"):
                    write_comparison(folder, done, facts, arguments)
                watch.lap("write")
                common = {"configs": facts, "ranking": arguments.rank, **done.entry, "seconds": watch.laps}
                write_manifest(folder.building, "compare", common, done.ranked)
            store.remove()
    except KeyboardInterrupt:
        kept = "finished agents are kept, the same command goes on from there" if store.kept else "nothing was written"
        print(f"halfspread: interrupted; {kept}", file=sys.stderr)
        return INTERRUPTED
    show_comparison(folder, done, arguments)
    return FAILED_AGENTS if ran.failed else 0


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
