"""The JSON schema of run configs, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any

from halfspread import agents, strategies
from halfspread.configs.model import RunConfig

__all__ = ["config_schema"]


def config_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a config: built-in agents with their parameters, agents of users with any."""
    schema = RunConfig.model_json_schema()
    definitions = schema["$defs"]
    own = definitions.pop("AgentConfig")
    label = own["properties"]["name"]
    choices = []
    built_in = {name: getattr(strategies, cls) for name, cls in strategies.BUILT_IN.items()}
    built_in |= {name: getattr(agents, cls) for name, cls in agents.BUILT_IN.items()}
    for name, cls in built_in.items():
        agent = cls.model().model_json_schema()
        for inner, definition in agent.pop("$defs", {}).items():
            definitions.setdefault(inner, definition)
        kind = {
            "const": name,
            "type": "string",
            "description": (cls.__doc__ or "").partition("\n")[0],
        }
        agent["properties"] = {"type": kind, "name": label, **agent["properties"]}
        agent["required"] = ["type", *agent.get("required", [])]
        choices.append(agent)
    own["properties"]["type"]["not"] = {"enum": list(built_in)}
    own["properties"]["type"]["pattern"] = r"(\.py|:)"
    definitions["AgentConfig"] = {
        "description": own["description"],
        "anyOf": [*choices, {**own, "title": "Agent of your own"}],
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["allOf"] = [
        {"oneOf": [{"required": [one]}, {"required": [many]}]}
        for one, many in (("market", "markets"), ("agent", "agents"))
    ]
    return schema
