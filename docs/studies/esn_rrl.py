"""The study of docs/studies/esn_rrl.md: the ESN-RRL agent and its paper on real markets.

    python docs/studies/esn_rrl.py [--workers N] [--runs FOLDER] [--rows NAME ...] [--paths N]

Writes esn_rrl.json (every number), esn_rrl.md and esn_rrl_images/ beside this file. ``--page`` makes page and pictures
anew from esn_rrl.json, without a run; ``--rows`` runs some rows or groups of them and takes the others from there.
Finished rows are kept in FOLDER: after Ctrl-C or a kill the same command goes on from there. Needs HALFSPREAD_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(ROOT)) if path not in sys.path]

from esn_rrl_study.rows import ROWS  # noqa: E402 - the path comes first
from esn_rrl_study.study import run_study, write_study  # noqa: E402

from halfspread.configs.runner import default_workers  # noqa: E402
from halfspread.errors import UserError  # noqa: E402

INTERRUPTED = 130
PATHS = 30


def main(arguments: list[str] | None = None) -> int:
    """Run the study, or write its page from the numbers that are there."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    groups = list(dict.fromkeys(row.group for row in ROWS))
    parser.add_argument("--workers", type=int, default=default_workers(), help="runs at once (default: all processors)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "esn-rrl-study", help="where rows are kept")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write to (default: docs/studies)")
    parser.add_argument(
        "--rows", nargs="+", metavar="NAME", help=f"only these rows or groups ({', '.join([*groups, 'ranking'])})"
    )
    parser.add_argument("--paths", type=int, default=None, help=f"resampled markets (default: {PATHS}, 0 with --rows)")
    parser.add_argument("--page", action="store_true", help="only write page and pictures from esn_rrl.json")
    given = parser.parse_args(arguments)
    there = given.to / "esn_rrl.json"
    try:
        before: dict[str, Any] | None = json.loads(there.read_text(encoding="utf-8")) if there.is_file() else None
        if given.page:
            if before is None:
                raise UserError(f"{there}: no numbers to make a page of; run the study first")
            write_study(before, given.to)
            return 0
        if not os.environ.get("HALFSPREAD_DATA"):
            raise UserError("set HALFSPREAD_DATA to the folder of market data")
        rows = [row for row in ROWS if given.rows is None or {row.key, row.group} & set(given.rows)]
        if not rows and given.paths is None and "ranking" not in given.rows:
            raise UserError(f"--rows {' '.join(given.rows)}: no such row; there are {', '.join(r.key for r in ROWS)}")
        paths = given.paths if given.paths is not None else (0 if given.rows else PATHS)
        earlier = before if given.rows else None
        study = run_study(
            rows,
            out=given.runs,
            workers=given.workers,
            paths=paths,
            ranking=given.rows is None or "ranking" in given.rows,
            before=earlier,
        )
        write_study(study, given.to)
    except KeyboardInterrupt:
        print("interrupted; finished rows are kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except (UserError, OSError) as error:
        print(f"esn_rrl.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
