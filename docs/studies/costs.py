"""The study of docs/studies/costs.md: what costs do to each expert, and what luck does to sweeps.

    HALFSPREAD_DATA=... python docs/studies/costs.py [--workers N] [--runs FOLDER]

Writes costs.json (every number), costs.md and images/ beside this file. ``--page`` makes the page and the pictures
anew from costs.json, without a run. Finished runs are kept in FOLDER until the end: after Ctrl-C or a kill the same
command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(ROOT)) if path not in sys.path]

from cost_study.experts import GRIDS  # noqa: E402 - the path comes first
from cost_study.markets import MARKETS  # noqa: E402
from cost_study.study import run_study, write_study  # noqa: E402

from halfspread.configs.runner import default_workers  # noqa: E402
from halfspread.errors import UserError  # noqa: E402

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the study, or write its page from the numbers that are there."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--workers", type=int, default=default_workers(), help="runs at once (default: all processors)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where finished runs are kept meanwhile")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write to (default: docs/studies)")
    parser.add_argument("--page", action="store_true", help="only write page and pictures from costs.json")
    given = parser.parse_args(arguments)
    try:
        if given.page:
            study = json.loads((given.to / "costs.json").read_text(encoding="utf-8"))
            write_study(study, given.to)
            return 0
        study, stores = run_study(MARKETS, list(GRIDS.values()), out=given.runs, workers=given.workers)
        write_study(study, given.to)
    except KeyboardInterrupt:
        print("interrupted; finished runs are kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except (UserError, OSError) as error:
        print(f"costs.py: {error}", file=sys.stderr)
        return 2
    for store in stores:
        store.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
