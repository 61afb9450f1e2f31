"""A file of a run folder, kept where an option of the command line says too."""

from __future__ import annotations

import shutil
from pathlib import Path

from halfspread.errors import ConfigError, UserError

__all__ = ["copy_to", "npz_path"]


def npz_path(option: str, text: str | None) -> Path | None:
    """Where the copy goes, None where nobody asks. Raises ConfigError, before hours are spent on it, for a name that
    does not end in .npz."""
    if text is None:
        return None
    path = Path(text).expanduser()
    if path.suffix != ".npz" or path.is_dir():
        raise ConfigError(f"{option} {text}: expected the name of a file that ends in .npz")
    return path


def copy_to(path: Path, made: Path, what: str) -> None:
    """Copy ``made`` at once or not at all; ``what`` it is, such as "model". Raises UserError; the run stays."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, part)
        part.replace(path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; the run is complete, its {what} is {made}"
        ) from error
