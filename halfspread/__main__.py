"""``python -m halfspread``: the same as the ``halfspread`` command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return its exit code; the import waits until it is wanted."""
    from halfspread.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
