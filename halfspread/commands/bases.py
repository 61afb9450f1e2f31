"""What a command of many runs begins with: its config, and which agents of it are meant."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfspread.commands.benchmarks import note_unused
from halfspread.configs.build import BuiltAgent, build_agents, effective
from halfspread.configs.cell_work import CellSource
from halfspread.configs.faults import close_match
from halfspread.configs.load import Loaded, load
from halfspread.configs.runner import default_workers
from halfspread.errors import ConfigError

__all__ = ["Base", "base_again", "base_of", "bases_of", "of_agent", "refuse_idle", "worker_count"]


@dataclass(frozen=True)
class Base:
    """The config of a command without what its cells change, and the agents of it that run; ``source`` names the first
    of them, ``numbers`` all."""

    loaded: Loaded
    agents: tuple[BuiltAgent, ...]
    numbers: tuple[int, ...]
    source: CellSource
    config: Mapping[str, Any]

    @property
    def built(self) -> BuiltAgent:
        """The agent that runs, or the first of those that do."""
        return self.agents[0]

    @property
    def entry(self) -> dict[str, Any]:
        """What the manifest holds so that cells can be run again: the text of the config, and which agents are
        meant."""
        several = {"agents": list(self.numbers)} if len(self.numbers) > 1 else {}
        return {"text": self.source.text, "agent": self.source.agent, **several}


def base_of(arguments: Namespace, keys: Sequence[str] = ()) -> Base:
    """The config and the agent that is meant: the only one, that of ``--agent``, or the one that ``keys`` name
    (``agents.NAME.``). Raises ConfigError."""
    loaded = load(arguments.config, arguments.set)
    note_unused(loaded)
    labels = [agent.label for agent in loaded.config.all_agents]
    named = list(dict.fromkeys(key.split(".")[1] for key in keys if key.startswith("agents.") and key.count(".") > 1))
    label = arguments.agent or (named[0] if len(named) == 1 else labels[0] if len(labels) == 1 else None)
    if label is None:
        raise ConfigError(
            f"{loaded.path} holds {len(labels)} agents: {', '.join(labels)}; say which with --agent NAME"
            + (f", such as --agent {labels[0]}" if labels else "")
        )
    return _base(loaded, arguments, [_number(label, labels, loaded.path)])


def bases_of(arguments: Namespace) -> Base:
    """The config and all its agents, or that of ``--agent``. Raises ConfigError."""
    if arguments.agent is not None:
        return base_of(arguments)
    loaded = load(arguments.config, arguments.set)
    note_unused(loaded)
    return _base(loaded, arguments, range(len(loaded.config.all_agents)))


def _number(label: str, labels: Sequence[str], path: Path) -> int:
    if label.isdigit() and label not in labels and int(label) < len(labels):
        return int(label)
    if label not in labels:
        there = f"there are {', '.join(labels)}{close_match(label, labels)}"
        raise ConfigError(f"{path}: no agent {label!r}; {there}")
    return labels.index(label)


def _base(loaded: Loaded, arguments: Namespace, numbers: Sequence[int]) -> Base:
    text = loaded.path.read_text(encoding="utf-8")
    return _built(loaded, CellSource(loaded.path, text, tuple(arguments.set), numbers[0]), tuple(numbers))


def base_again(path: Path, text: str, settings: Sequence[str], agents: Sequence[int]) -> Base:
    """The base of an earlier command: the ``text`` of its config, whose file is now called ``path`` (it need not be
    there), what was set, and the numbers of the agents. Raises ConfigError."""
    source = CellSource(path, text, tuple(settings), agents[0])
    return _built(load(path, settings, text=text), source, tuple(agents))


def _built(loaded: Loaded, source: CellSource, numbers: tuple[int, ...]) -> Base:
    labels = [loaded.config.all_agents[number].label for number in numbers]
    agents = [each for label in labels for each in build_agents(loaded, label)]
    return Base(loaded, tuple(agents), numbers, source, effective(loaded, agents, times_as_text=True))


def of_agent(key: str, base: Base) -> str:
    """``agent.fast`` as a key of the one agent that runs, also where the config holds several."""
    if not key.startswith("agent.") or base.loaded.config.agent is not None or len(base.agents) > 1:
        return key
    agent = base.source.agent if "." in base.built.label else base.built.label
    return f"agents.{agent}.{key.partition('.')[2]}"


def refuse_idle(keys: Sequence[str], base: Base, option: str) -> None:
    """Raise ConfigError for a key, of ``option``, that changes no result of the agents that run."""
    config = base.loaded.config
    running = {text for number in base.numbers for text in (config.all_agents[number].label, str(number))}
    for key in keys:
        first, _, rest = key.partition(".")
        if key.rpartition(".")[2] == "name":
            why = "a name changes no result"
        elif first == "agents" and rest and rest.partition(".")[0] not in running:
            labels = ", ".join(each.label for each in base.agents)
            runs = f"{labels} runs" if len(base.agents) == 1 else f"{labels} run"
            why = f"{runs}, and what is another agent's changes no result of it"
        elif first == "benchmark":
            why = "ratios are against zero here"
        else:
            continue
        raise ConfigError(f"{option} {key}: {why}, so all its cells would be the same")


def worker_count(arguments: Namespace) -> int:
    """How many workers. Raises ConfigError."""
    workers = default_workers() if arguments.workers is None else arguments.workers
    if workers < 1:
        raise ConfigError(f"--workers: expected 1 or more, got {workers}")
    return int(workers)
