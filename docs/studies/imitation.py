"""The study of docs/studies/imitation.md: cloning, DAgger and noise in worlds with a known expert.

    python docs/studies/imitation.py [--workers N] [--runs FOLDER] [--parts NAME ...]

Writes imitation.json (every number), imitation.md and imitation_images/ beside this file. ``--page`` makes page and
pictures anew from imitation.json, without a run; ``--parts`` runs some parts and takes the others from there. Finished
parts are kept in FOLDER: after Ctrl-C or a kill the same command goes on from there.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [path for path in (str(HERE), str(ROOT)) if path not in sys.path]

from imitation_study.part import FULL  # noqa: E402 - the path comes first
from imitation_study.parts import PARTS  # noqa: E402
from imitation_study.study import run_study, write_study  # noqa: E402

from halfspread.configs.runner import default_workers  # noqa: E402
from halfspread.errors import UserError  # noqa: E402

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the study, or write its page from the numbers that are there."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--workers", type=int, default=default_workers(), help="jobs at once (default: all processors)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "imitation-study", help="where parts are kept")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write to (default: docs/studies)")
    parser.add_argument("--parts", nargs="+", choices=[part.name for part in PARTS], help="only these")
    parser.add_argument("--page", action="store_true", help="only write page and pictures from imitation.json")
    given = parser.parse_args(arguments)
    there = given.to / "imitation.json"
    try:
        before: dict[str, Any] | None = json.loads(there.read_text(encoding="utf-8")) if there.is_file() else None
        if given.page:
            if before is None:
                raise UserError(f"{there}: no numbers to make a page of; run the study first")
            write_study(before, PARTS, given.to)
            return 0
        parts = [
            part
            if given.parts is None or part.name in given.parts
            else dataclasses.replace(part, lacks=lambda: "left out by --parts")
            for part in PARTS
        ]
        write_study(run_study(parts, FULL, out=given.runs, workers=given.workers, before=before), PARTS, given.to)
    except KeyboardInterrupt:
        print("interrupted; finished parts are kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except (UserError, OSError) as error:
        print(f"imitation.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
