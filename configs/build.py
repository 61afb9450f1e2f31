"""From a config to what runs: the tape and the agents."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfspread.configs.agents import build_agent, parameters_of
from halfspread.configs.benchmark import bare_benchmark
from halfspread.configs.faults import close_match
from halfspread.configs.load import Loaded
from halfspread.configs.model import AgentConfig
from halfspread.configs.tapes import build_tape, data_files, training_part
from halfspread.engine.times import SECOND, parse_interval
from halfspread.errors import ConfigError

__all__ = ["BuiltAgent", "build_agents", "build_tape", "data_files", "effective", "run_terms", "training_part"]


@dataclass(frozen=True)
class BuiltAgent:
    """An agent ready to run, and what it is called. ``learnt``: it was fitted, and is no longer what its config alone
    makes."""

    label: str
    agent: Any
    config: AgentConfig
    learnt: bool = False

    def anew(self, folder: Path) -> Any:
        """Another one like it, with nothing of what it has gone through. Raises as `build_agent`."""
        return copy.deepcopy(self.agent) if self.learnt else build_agent(self.config, folder, self.label)


def build_agents(loaded: Loaded, only: str | None = None) -> list[BuiltAgent]:
    """The agents of a config, or the one labelled ``only``. Raises ConfigError or StrategyError."""
    config = loaded.config
    labels = [agent.label for agent in config.all_agents]
    if only is not None and only not in labels:
        raise ConfigError(f"{loaded.path}: no agent {only!r}; there are {', '.join(labels)}{close_match(only, labels)}")
    built = []
    for i, agent in enumerate(config.all_agents):
        if only is None or agent.label == only:
            key = ("agent",) if config.agent is not None else ("agents", i)
            where = f"{loaded.places.of((*key, 'type'))}: agent {agent.label}"
            built.append(BuiltAgent(agent.label, build_agent(agent, loaded.folder, where), agent))
    return built


def effective(loaded: Loaded, agents: list[BuiltAgent], *, times_as_text: bool = False) -> dict[str, Any]:
    """The config as it runs, every default written out, parameters of the agents included."""
    data = loaded.config.model_dump(
        mode="json" if times_as_text else "python", exclude={"agent", "agents"}, exclude_none=True
    )
    tables = [
        {"type": each.config.type, "name": each.label, **parameters_of(each.agent, each.config)} for each in agents
    ]
    data["costs"]["latency"] = {name: _bare(delay) for name, delay in data["costs"]["latency"].items()}
    data = {name: _tag_first(value) for name, value in data.items() if value not in ((), {})}
    data["costs"] = {name: _tag_first(value) for name, value in data["costs"].items()}
    data["execution"] = {name: value for name, value in data["execution"].items() if value != {}}
    if "benchmark" in data:
        data["benchmark"] = bare_benchmark(data["benchmark"], {each.config.label: each.label for each in agents})
    if data["margin"]["kind"] == "none":
        data["margin"] = {"kind": "none"}
    return data | ({"agents": tables} if loaded.config.agent is None else {"agent": tables[0]})


def _bare(delay: dict[str, Any]) -> dict[str, Any]:
    """A delay without what only a file of delays needs, where it names none."""
    if "file" in delay:
        return delay
    return {name: value for name, value in delay.items() if name not in ("time_column", "delay_column", "delay_unit")}


def _tag_first(value: Any) -> Any:
    """A table, or each table of a list, with what it is as its first lines."""
    if isinstance(value, dict):
        return {tag: value[tag] for tag in ("source", "world", "kind") if tag in value} | value
    if isinstance(value, (list, tuple)):
        return [_tag_first(each) for each in value]
    return value


def run_terms(loaded: Loaded) -> dict[str, Any]:
    """What `run_backtest` is told besides tape, agent and costs: sizing, execution, margin and seed."""
    config, execution = loaded.config, loaded.config.execution
    names = ("fill", "capital", "report_currency", "matching", "stale_after", "mode")
    return {
        **{name: getattr(execution, name) for name in names},
        "rates": execution.rates or None,
        "period": None if execution.period is None else f"{parse_interval(execution.period) // SECOND}s",
        "sizing": config.sizing,
        "margin": config.margin.plain(),
        "seed": config.seed,
    }
