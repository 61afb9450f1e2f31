"""``halfspread run``: one backtest."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from halfspread.commands.benchmarks import against, refuse_other_agents, series_of
from halfspread.commands.copies import copy_to
from halfspread.commands.folder import RunFolder
from halfspread.commands.manifest import Stopwatch, code_facts, data_entry, digest_of, manifest, write_manifest
from halfspread.commands.output import agent_object, print_json, print_table, where_lines
from halfspread.commands.progress import Progress
from halfspread.commands.proofs import proof_of
from halfspread.commands.replay import HashBeside, replay, write_results
from halfspread.commands.saved_agent import STATE, state_path
from halfspread.commands.tried import daily_pnl, find_tried, tried_entry
from halfspread.configs.build import build_agents, build_tape, effective
from halfspread.configs.learners import fitted
from halfspread.configs.load import Loaded, load
from halfspread.errors import ConfigError

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Run the one agent of a config, or the one that ``--agent`` names, and leave a run folder."""
    watch = Stopwatch()
    loaded = load(arguments.config, arguments.set)
    (built,) = build_agents(loaded, _only(loaded, arguments.agent))
    refuse_other_agents(loaded, built.label)
    keep = state_path(arguments.save_agent, built)
    progress = Progress(shown=not arguments.json)
    with progress.step("read the market"):
        tape = build_tape(loaded)
    watch.lap("read")
    config = effective(loaded, [built], times_as_text=True)
    with RunFolder(Path(arguments.out), loaded.config.name, digest_of(config)) as folder:
        tape_hash, code = HashBeside(tape), code_facts(loaded, [built])
        series = series_of(loaded, tape)
        with progress.step(f"fit {built.label}"):
            ready = fitted(loaded, built)
        result = against(loaded, replay(loaded, tape, ready, folder.building, progress), series)
        if keep is not None:
            ready.agent.save(folder.building / STATE, tape)
        watch.lap("replay")
        data = data_entry(loaded, tape_hash.result(), tape.origin)
        tried = find_tried(Path(arguments.out), data["hash"])
        facts = manifest(loaded, config, data, [built], code, folder.path) | {"tried_before": tried_entry(tried)}
        said = tried.sentence(result.name, daily_pnl(result))
        with progress.step("write the report"):
            proof = replace(proof_of(loaded, arguments.config, built, folder.path), tried=said)
            write_results(result, folder.building, facts, report=not arguments.no_report, proof=proof)
        watch.lap("write")
        write_manifest(folder.building, "run", {**facts, "seconds": watch.laps}, [result])
    if keep is not None:
        copy_to(keep, folder.path / STATE, "agent")
    if arguments.json:
        print_json(
            {
                "name": loaded.config.name,
                "run_dir": str(folder.path),
                **{key: value for key, value in agent_object(result).items() if key != "name"},
                **({} if keep is None else {"agent_file": str(keep)}),
                "tried_before": tried_entry(tried, result),
            },
            arguments.stdout,
        )
        return 0
    from halfspread.reports.text import summary_table

    lines = [said] if said else []
    if keep is not None:
        lines.append(f"agent:   {keep}; go on with it: state_file = '{keep}'")
    print_table(summary_table(result), *lines, *where_lines(folder.path, report=not arguments.no_report))
    return 0


def _only(loaded: Loaded, named: str | None) -> str:
    """The label of the agent to run. Raises ConfigError where the config holds several and none is named."""
    labels = [agent.label for agent in loaded.config.all_agents]
    if named is None and len(labels) > 1:
        raise ConfigError(
            f"{loaded.path} holds {len(labels)} agents: {', '.join(labels)}; say which with --agent NAME, "
            f"or see all of them with: halfspread compare {loaded.path}"
        )
    return labels[0] if named is None else named
