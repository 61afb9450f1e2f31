"""``python -m halfspread``: the same as the ``halfspread`` command."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def main() -> int:
    """Run the command line and leave with its exit code; the import waits until it is wanted.

    What stands in memory is left to the system: taking down numba's code and all modules one by one lasts a tenth of a
    short comparison. Whatever has asked to be called at the end is.
    """
    gc.set_threshold(50_000, 20, 100)  # cycles are few, and looking for them takes a twentieth of a short command
    from halfspread.cli import main as command_line

    code = command_line()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return code
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
