"""Write files so that a killed process or a full disk leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from halfspread.errors import UserError

__all__ = ["atomic_write_bytes", "atomic_write_text"]


def atomic_write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` as UTF-8 to ``path``; see `atomic_write_bytes`."""
    return atomic_write_bytes(path, text.encode("utf-8"))


def atomic_write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Replace the file at ``path`` by ``data`` in one step and return its path; missing folders are made.

    The bytes go to a temporary file in the same folder, reach the disk, and take the place of the old file. The mode
    of an existing file is kept, a new one gets what the umask allows. Raises `UserError` where that fails: the old
    file, if any, is untouched and the temporary one is gone.
    """
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(
            f"cannot write {os.fspath(path)}: {error.strerror or error} ({len(data):,} bytes to write). "
            "What was there before is unchanged; free some space or give another path"
        ) from error
    finally:
        # After a successful replace there is nothing left under the temporary name.
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return Path(path)


def _mode(target: Path) -> int:
    """Permission bits of the file that is replaced, else those of a new file."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
