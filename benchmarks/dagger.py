"""DAgger of 10 rounds of 6 rollouts of 2,000 bars: environment steps a second, beside the library `imitation`.

    python -m benchmarks.dagger [--peer VENV/bin/python] [--repeat 3] [--rounds 10] [--rollouts 6]

The position-feedback world of the imitation study; a network of 32-32, fitted anew after each round to all rows so far
(15 epochs, batches of 256, as the peer). The peer (``--peer``, or HALFSPREAD_BENCH_IMITATION) gets the same markets as
arrays and plays them in a gymnasium environment of its own; its expert has to earn what ours earns there, and both
policies have to be close to the expert's. Clocked are rollouts with their labels, fits, and all of it, in processor
time, which a busy machine lengthens less; kernels are compiled before. Writes results/dagger.json and
results/dagger.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import machine
from halfspread.agents.imitation.cloning import CloneSettings
from halfspread.agents.imitation.dagger import DAggerTrainer
from halfspread.agents.imitation.judging import Judgement
from halfspread.agents.imitation.schedules import exponential
from halfspread.agents.worlds.world import LearningWorld, world

WANTED_SECONDS, WANTED_RATIO = 20.0, 20.0
CLOSE = 0.1
EPOCHS = 15
SETTINGS = CloneSettings(hidden=(32, 32), epochs=EPOCHS, batch=256, rate=3e-3, validation=0.0, calibrate=False)
PEER = Path(__file__).resolve().parent / "peers" / "imitation_job.py"
VARIABLE = "HALFSPREAD_BENCH_IMITATION"
SECONDS = 3600


def ours(made: LearningWorld, rounds: int, rollouts: int) -> dict[str, float]:
    """One training, clocked, and how close it came."""
    trainer = DAggerTrainer(made.task(0), SETTINGS, exponential(), rounds=rounds, rollouts=rollouts)
    began, clock = time.perf_counter(), time.process_time()
    policy = trainer.train()
    spent = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - clock}
    wanted = rounds * rollouts * made.market.bars
    if trainer.labels != wanted:
        sys.exit(f"{trainer.labels} labels, expected {wanted}")
    close = Judgement.of([made.task(0).judge(i, policy.model) for i in range(5)]).disagreement
    return {**spent, "disagreement": close}


def rollouts_alone(made: LearningWorld, count: int = 50) -> float:
    """Environment steps a second of rollouts of a learner, without fits (processor time)."""
    task = made.task(0)
    model = DAggerTrainer(task, SETTINGS, exponential(), rounds=1).train().model
    task.roll_out(0, model, 0.0)
    clock = time.process_time()
    for i in range(count):
        task.roll_out(i, model, 0.0)
    return count * made.market.bars / (time.process_time() - clock)


def markets(made: LearningWorld, count: int, path: Path) -> float:
    """Write the markets to learn on as arrays; gives what our expert earns on the first."""
    signals, moves = [], []
    task = made.task(0)
    for number in range(count):
        rng = np.random.default_rng([0, 0, number])
        draws = rng.standard_normal((2, made.market.bars))
        table = made.market.table_of(draws[0], draws[1])
        close = np.asarray(task.markets(number).feeds[0].table("bars").rows[:, 3])
        if not np.array_equal(close, table["close"]):
            sys.exit("the markets of the task are not those that are written")
        signals.append(table["signal"])
        moves.append(made.market.drift * table["signal"] + made.market.noise * draws[1])
    np.savez(path, signals=np.array(signals), moves=np.array(moves))
    episode = task.roll_out(0)
    return float(episode.result.pnl + episode.executed[-1] * moves[0][-1])


def peer(interpreter: str, made: LearningWorld, rounds: int, rollouts: int) -> dict[str, Any] | str:
    """One training of the peer, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "markets.npz"
        pnl = markets(made, rounds * rollouts, path)
        sizes = ["--rounds", str(rounds), "--rollouts", str(rollouts), "--epochs", str(EPOCHS)]
        try:
            done = subprocess.run(
                [interpreter, str(PEER), "--markets", str(path), *sizes],
                cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"not started or not finished: {type(error).__name__}"
    if done.returncode:
        return f"stopped with status {done.returncode}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if abs(found["expert_pnl"] - pnl) > 1e-6:
        return f"its expert earns {found['expert_pnl']:.6f} on the first market, ours {pnl:.6f}: not the same game"
    if found["disagreement"] > CLOSE:
        return f"its policy disagrees with the expert at {found['disagreement']:.1%} of the states"
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--peer", default=os.environ.get(VARIABLE), help="interpreter that has the library imitation")
    for name, value in (("repeat", 3), ("rounds", 10), ("rollouts", 6)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    made, described = world("position_feedback"), machine.describe()
    ours(made, 2, 1)  # compiles
    runs = [ours(made, given.rounds, given.rollouts) for _ in range(given.repeat)]
    if max(run["disagreement"] for run in runs) > CLOSE:
        sys.exit(f"a policy disagrees with the expert at {max(run['disagreement'] for run in runs):.1%} of the states")
    steps = given.rounds * given.rollouts * made.market.bars
    other = "no interpreter named" if not given.peer else peer(given.peer, made, given.rounds, given.rollouts)
    data: dict[str, Any] = {
        "machine": described,
        "rounds": given.rounds,
        "rollouts": given.rollouts,
        "bars": made.market.bars,
        "steps": steps,
        "ours": runs,
        "rollouts_alone": rollouts_alone(made),
        "peer": other,
    }
    machine.write("dagger", data, markdown(data))


def markdown(data: dict[str, Any]) -> list[str]:
    """The table for people."""
    steps, runs, other = data["steps"], data["ours"], data["peer"]
    wall, processor = (median(run[name] for run in runs) for name in ("seconds", "processor_seconds"))
    lines = [
        f"# DAgger of {data['rounds']} rounds of {data['rollouts']} rollouts of {data['bars']:,} bars",
        "",
        machine.in_words(data["machine"]),
        "",
        f"{steps:,} environment steps and labels, {data['rounds']} fits; median of {len(runs)}.",
        "",
        "| | halfspread | imitation | times |",
        "|---|---:|---:|---:|",
    ]
    if isinstance(other, str):
        lines += [f"| wall time (wanted: {WANTED_SECONDS:g} s) | {wall:.1f} s | | |"]
        lines += [f"| processor time | {processor:.1f} s | | |", "", f"imitation: not measured ({other})."]
        return lines
    rows = [("wall time", "seconds", wall), ("processor time", "processor_seconds", processor)]
    for what, name, mine in rows:
        wanted = f" (wanted: {WANTED_SECONDS:g} s)" if name == "seconds" else ""
        lines.append(f"| {what}{wanted} | {mine:.1f} s | {other[name]:.1f} s | {other[name] / mine:.1f} |")
    fits = other["fit_processor_seconds"]
    mine, its = data["rollouts_alone"], steps / (other["processor_seconds"] - fits)
    spent = processor - steps / mine
    lines += [
        f"| of it fits | {spent:.1f} s | {fits:.1f} s | {fits / spent:.1f} |",
        f"| environment steps a second, in rollouts (wanted: {WANTED_RATIO:g} times) | {mine:,.0f} | {its:,.0f} | "
        f"{mine / its:.1f} |",
        f"| disagreement with the expert | {median(run['disagreement'] for run in runs):.2%} | "
        f"{other['disagreement']:.2%} | |",
        "",
        f"imitation {other['version']} with "
        + ", ".join(f"{name} {release}" for name, release in other["packages"].items())
        + "; its environments step together, one thread. It goes on from the network of the round before, where "
        "halfspread fits anew.",
    ]
    return lines


if __name__ == "__main__":
    main()
