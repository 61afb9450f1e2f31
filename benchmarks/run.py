"""Run the common job in halfspread and in every peer there is, in turns, and write the table.

    python -m benchmarks.run --peers vectorbt=VENV/bin/python lrvx=VENV/bin/python [--rounds 5] [--repeat 3]

Each peer needs its own interpreter: named after ``--peers`` (vectorbt, lrvx, backtesting, nautilus), by a variable of
the environment (HALFSPREAD_BENCH_VECTORBT, ..._LRVX, ..._BACKTESTING, ..._NAUTILUS); else the one that runs this, if it
has the package. A peer that is not there, or gives another result than it must, is reported as not measured.

A round runs halfspread and then a peer, halfspread and then the next peer, each in a fresh process: one run unclocked,
then ``--repeat`` clocked. Writes results/common_job.json and results/common_job.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import common_job, machine
from benchmarks.table import markdown, summary

HERE = Path(__file__).resolve().parent
COMPILED = ("compiled, from tape", "compiled, from arrays")
IN_PYTHON = ("Python call a bar, from tape", "Python call a bar, from arrays")
#: Each peer's package, and the modes of halfspread that take turns with it.
PEERS = {
    "vectorbt": ("vectorbt", COMPILED),
    "lrvx": ("lrvx", IN_PYTHON),
    "backtesting": ("backtesting", IN_PYTHON),
    "nautilus": ("nautilus_trader", IN_PYTHON),
}
SECONDS = 900


@dataclass
class Session:
    """Everything measured so far: lines by (engine, mode), and why an engine was not measured."""

    bars: Path
    repeat: int
    lines: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, command: list[str], modes: tuple[str, ...] = ()) -> None:
        """Run a script in its own process, once for each mode or once for all, and keep its lines."""
        for mode in modes or (None,):
            more = ["--mode", mode] if mode else []
            line = [*command, "--bars", str(self.bars), "--repeat", str(self.repeat), *more]
            try:
                done = subprocess.run(
                    line, cwd=machine.ROOT, capture_output=True, text=True, check=False, timeout=SECONDS
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                self.missing[name] = f"not started or not finished: {type(error).__name__}"
                return
            self._keep(done.stdout)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                self.missing[name] = f"stopped with status {done.returncode}: {last}"
                return

    def _keep(self, text: str) -> None:
        for row in text.splitlines():
            new = json.loads(row)
            old = self.lines.setdefault((new["engine"], new["mode"]), {**new, "seconds": []})
            old["seconds"] += new["seconds"]
            print(f"  {new['engine']:16} {new['mode']:40} {min(new['seconds']) * 1e3:9.2f} ms", file=sys.stderr)


def interpreters(named: list[str]) -> dict[str, str]:
    """The interpreter of each peer that can be found."""
    given = dict(pair.split("=", 1) for pair in named)
    unknown = set(given) - set(PEERS)
    if unknown:
        raise SystemExit(f"--peers: unknown {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    found = {}
    for name, (package, _) in PEERS.items():
        path = given.get(name) or os.environ.get(f"HALFSPREAD_BENCH_{name.upper()}")
        if path is None and importlib.util.find_spec(package) is not None:
            path = sys.executable
        if path is not None:
            found[name] = path
    return found


def measure(session: Session, pythons: dict[str, str], rounds: int) -> None:
    """All rounds of all engines; the first also runs the other conventions of fills, to check them to the cent."""
    ours = [sys.executable, "-m", "benchmarks.engine_job"]
    for name, (package, _) in PEERS.items():
        if name not in pythons:
            session.missing[name] = f"no interpreter with {package}: give --peers {name}=PYTHON"
    session.run("halfspread", ours)
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        session.run("floor", [sys.executable, "-m", "benchmarks.floors"])
        if not pythons:
            session.run("halfspread", ours, COMPILED + IN_PYTHON)
        for name, python in pythons.items():
            if name not in session.missing:
                session.run("halfspread", ours, PEERS[name][1])
                session.run(name, [python, str(HERE / "peers" / f"{name}_job.py")])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", default=[], metavar="NAME=PYTHON", help="interpreters of the peers")
    parser.add_argument("--rounds", type=int, default=5, help="turns of all engines (default 5)")
    parser.add_argument("--repeat", type=int, default=3, help="clocked runs a turn (default 3)")
    options = parser.parse_args(arguments)
    pythons = interpreters(options.peers)
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="halfspread-bench-") as folder:
        session = Session(common_job.write(Path(folder))[0], options.repeat)
        measure(session, pythons, options.rounds)
    data = summary(session.lines, session.missing, about, options.rounds, options.repeat)
    machine.write("common_job", data, markdown(data))
    if "halfspread" in session.missing:
        raise SystemExit(f"halfspread: {session.missing['halfspread']}")


if __name__ == "__main__":
    main()
