"""What an agent has become in a run, kept where ``--save-agent`` says."""

from __future__ import annotations

from pathlib import Path

from halfspread.commands.copies import npz_path
from halfspread.configs.build import BuiltAgent
from halfspread.errors import ConfigError

__all__ = ["STATE", "state_path"]

#: Its name in a run folder.
STATE = "agent.npz"


def state_path(text: str | None, built: BuiltAgent) -> Path | None:
    """Where the state of an agent goes, None where nobody asks. Raises ConfigError, before the run, for a name that
    does not end in .npz and for an agent that has no state to save."""
    path = npz_path("--save-agent", text)
    if path is not None and not callable(getattr(built.agent, "save", None)):
        raise ConfigError(
            f"--save-agent {text}: agent {built.label} has nothing to save: it has no method save(path, tape); agents "
            "that learn while they trade have one (esn_rrl, rrl, esn_sarsa), and halfspread train saves models"
        )
    return path
