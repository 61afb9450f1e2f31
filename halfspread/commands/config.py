"""``halfspread config``: the effective config, and the JSON schema of configs."""

from __future__ import annotations

import sys
from argparse import Namespace

from halfspread.commands.output import to_json
from halfspread.configs.build import build_agents, effective
from halfspread.configs.load import load
from halfspread.configs.schema import config_schema
from halfspread.configs.toml import to_toml

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Print one or the other on standard output."""
    if arguments.what == "schema":
        sys.stdout.write(to_json(config_schema()))
        return 0
    loaded = load(arguments.config, arguments.set)
    sys.stdout.write(to_toml(effective(loaded, build_agents(loaded))))
    return 0
