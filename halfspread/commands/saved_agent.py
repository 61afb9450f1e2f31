"""What an agent has become in a run, kept where ``--save-agent`` says."""

from __future__ import annotations

import shutil
from pathlib import Path

from halfspread.configs.build import BuiltAgent
from halfspread.errors import ConfigError, UserError

__all__ = ["STATE", "copy_of", "state_path"]

#: Its name in a run folder.
STATE = "agent.npz"


def state_path(text: str | None, built: BuiltAgent) -> Path | None:
    """Where the state of an agent goes, None where nobody asks. Raises ConfigError, before the run, for a name that
    does not end in .npz and for an agent that has no state to save."""
    if text is None:
        return None
    path = Path(text).expanduser()
    if path.suffix != ".npz" or path.is_dir():
        raise ConfigError(f"--save-agent {text}: expected the name of a file that ends in .npz")
    if not callable(getattr(built.agent, "save", None)):
        raise ConfigError(
            f"--save-agent {text}: agent {built.label} has nothing to save: it has no method save(path, tape); agents "
            "that learn while they trade have one (esn_rrl, rrl, esn_sarsa), and halfspread train saves models"
        )
    return path


def copy_of(state: Path, to: Path) -> None:
    """Copy a state at once or not at all. Raises UserError; the run stays."""
    part = to.with_name(f".{to.name}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(state, part)
        part.replace(to)
    except OSError as error:
        raise UserError(
            f"cannot write {to}: {error.strerror or error}; the run is complete, its agent is {state}"
        ) from error
