"""What a model is, in plain rows for people: ``halfspread model show FILE`` prints them."""

from __future__ import annotations

import json
from typing import Any

from halfspread.agents.policies.model import Model

__all__ = ["describe"]

_UNITS = {"network": "parameters", "forest": "nodes"}


def describe(model: Model) -> list[tuple[str, str]]:
    """Name and value of each thing worth knowing, in order of interest."""
    rows = [(model.kind, str(model.network)), (_UNITS[model.kind], f"{model.network.size:,}")]
    rows += [("decides on", ", ".join(model.events)), ("features", ", ".join(model.features.names))]
    if model.features.stack > 1:
        rows.append(("stacked decisions", str(model.features.stack)))
    if model.features.reservoir is not None:
        rows.append(("beside them", str(model.features.reservoir)))
    rows.append(("earlier rows needed", str(model.features.lookback)))
    if model.classes:
        rows += [("targets", ", ".join(f"{each:g}" for each in model.targets))]
        rows += [("temperature", f"{model.temperature:.4g}")]
    rows += [("trained on", f"{each}, data {each.data or 'unknown'}") for each in model.trained]
    if not model.trained:
        rows.append(("trained on", "nothing that is known: no run of it can be refused"))
    rows += [(f"metric: {name}", _text(value)) for name, value in model.metrics.items()]
    rows += [(name.replace("_", " "), _text(value)) for name, value in model.facts.items()]
    rows.append(("made with", f"halfspread {model.made_with}"))
    return rows


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "not known"
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, sort_keys=True)
