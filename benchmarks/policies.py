"""A learnt policy of 16-64-32-3: how long its fit takes, and its decisions in the event loop; beside PyTorch.

    python -m benchmarks.policies [--repeat 5] [--torch PYTHON]

Fit: 100,000 examples, 20 epochs of mini-batches of 256, on one core. Inference: a policy of 16 cheap features on
200,000 bars, less a run of a compiled agent that decides nothing. First PyTorch (float64) has to give the same logits
from the same parameters and the same losses in the first twenty steps, and the policy in the loop the targets of a
forward pass of NumPy. PyTorch is clocked in float32, its default, on one thread; its interpreter is also taken from
HALFSPREAD_BENCH_TORCH. Writes results/policies.json and results/policies.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks import machine
from halfspread.agents.features import FeatureSet
from halfspread.agents.networks.fit_kernels import fit_pass
from halfspread.agents.networks.network import ACTIVATIONS, HEADS, Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.policy import Policy
from halfspread.agents.policies.watching import observations
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.agent_functions import compiled_agent
from halfspread.strategies import CompiledStrategy

ROWS, EPOCHS, BATCH, RATE, SIZES = 100_000, 20, 256, 3e-3, (16, 64, 32, 3)
WANTED_FIT, WANTED_DECISION = 4.0, 1e-6
BARS_DAYS = 700
FEATURES = (
    *("position", "open_pnl", "open_pnl(price)", "age", "log_return(1)"),
    *(f"cool_down({length})" for length in range(1, 7)),
    *(f"column({name})" for name in ("open", "high", "low", "close", "volume")),
)
TARGETS = np.array([-1.0, 0.0, 1.0])


@compiled_agent
def decide_nothing(context: Any, memory: Any, history: Any, row: int) -> int:
    return hs.OK


class Idle(CompiledStrategy):
    """The least that a compiled agent can do."""

    lookback: int = 1
    function = decide_nothing


def examples(rng: np.random.Generator) -> dict[str, Any]:
    """What both sides are fitted to, from which parameters, and in which order of rows."""
    x = rng.normal(size=(ROWS, SIZES[0]))
    labels = (np.tanh(x @ rng.normal(size=(16, 8))) @ rng.normal(size=(8, 3)) + rng.normal(size=(ROWS, 3))).argmax(1)
    network = Network.drawn(16, SIZES[1:-1], 3, "softmax", "relu", rng)
    orders = np.array([rng.permutation(ROWS) for _ in range(EPOCHS)])
    shapes = {"parameters": network.parameters, "sizes": np.array(SIZES), "rate": RATE, "batch": BATCH}
    return {"x": x, "labels": labels, "orders": orders, "first": orders[:1, : 20 * BATCH], **shapes}


def fit(data: dict[str, Any], orders: Any) -> list[float]:
    """Our fit; mean loss of each pass."""
    network = Network(SIZES, "relu", "softmax", data["parameters"])
    parameters, wanted, weights = network.parameters.copy(), np.eye(3)[data["labels"]], np.ones(ROWS)
    moments, steps, losses = np.zeros((2, len(parameters))), 0, []
    codes = (network.layout, ACTIVATIONS["relu"], HEADS["softmax"])
    for order in orders:
        loss, steps = fit_pass(*codes, parameters, moments, steps, data["x"], wanted, weights, order, BATCH, RATE, 0.0)
        losses.append(loss)
    return losses


def model_for(tape: Any, parameters: Any) -> Model:
    """A policy of cheap features, scaled by the market that it trades."""
    features = FeatureSet(FEATURES)
    network = Network(SIZES, "relu", "softmax", parameters)
    scaler = Scaler.fitted(observations(tape, features)[1])
    for name, spread in {"age": 20.0, "open_pnl(price)": 500.0, "open_pnl(fraction)": 0.01}.items():
        scaler.spread[features.names.index(name)] = spread  # they stand still where nobody trades
    return Model(features, scaler, network, TARGETS)


def run(tape: Any, agent: Any) -> Any:
    costs = hs.Costs(half_spread=hs.HalfSpread.none(), fees=hs.Fees.none(), funding=hs.Funding.none())
    return hs.backtest(tape, agent, costs, sizing=hs.FixedContracts(1), capital=1e9, margin=hs.Margin.none())


class Plain(hs.Strategy):
    """The policy as a forward pass of NumPy, its features as those of one who decides in Python."""

    lookback: int = 1

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.held = self.moved = self.steps = self.before = 0.0
        self.left = np.inf

    def on_bar(self, market: Any) -> float:
        price, held = market.close, market.position
        self.left = self.left + 1.0 if self.before else np.inf
        if np.sign(held) != np.sign(self.held):
            self.left = 1.0 if held == 0.0 else self.left
            self.moved = self.steps = 0.0
        if held:
            self.steps += 1.0
            self.moved += held * (price - self.before)
        self.held, self.before = held, price
        closes = market.history("close")
        row = [held, self.moved / price, self.moved, self.steps, np.log(closes[-1] / closes[-2])]
        row += [max(length - self.left, 0.0) for length in range(1, 7)]
        row += [market.open, market.high, market.low, price, market.volume]
        x = (np.array(row) - self.learnt.scaler.centre) / self.learnt.scaler.spread
        at, parameters = 0, self.learnt.network.parameters
        for before, after in pairwise(SIZES):
            x = x @ parameters[at : at + before * after].reshape(before, after)
            at += before * after
            x = x + parameters[at : at + after]
            at += after
            x = np.maximum(x, 0.0) if at < len(parameters) else x
        return float(TARGETS[x.argmax()])


def check_policy(tape: Any, model: Model) -> int:
    """The policy in the loop trades as plain NumPy does; gives the fills."""
    plain: Any = Plain()
    plain.learnt = model
    part = tape.slice(None, tape.start_ns + 30 * 86_400 * 10**9)
    ours, theirs = run(part, Policy.of(model)), run(part, plain)
    assert ours.fills.equals(theirs.fills)
    assert len(ours.fills) > 50, len(ours.fills)
    return len(ours.fills)


def check_torch(call: Callable[..., Any], data: dict[str, Any]) -> str:
    found = call("--check")
    ours = Network(SIZES, "relu", "softmax", data["parameters"]).outputs(data["x"][:1_000])
    assert np.allclose(ours, found["logits"], rtol=1e-10, atol=1e-10)
    assert np.allclose(fit(data, data["first"]), found["losses"], rtol=1e-5)  # epsilon of Adam is placed otherwise
    return str(found["version"])


def clocked(job: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--torch", default=os.environ.get("HALFSPREAD_BENCH_TORCH"))
    options = parser.parse_args()
    about = machine.describe()
    data = examples(np.random.default_rng(1))
    tape = SyntheticMarket(days=BARS_DAYS, interval="5m").tape(np.random.default_rng(2))
    model = model_for(tape, data["parameters"])
    fills = check_policy(tape, model)
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policies.npz"
        np.savez(path, **data)

        def torch(*more: str) -> Any:
            command = [str(options.torch), str(machine.ROOT / "benchmarks/peers/torch_policy.py"), "--data", str(path)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
            done = subprocess.run([*command, *more], check=True, stdout=subprocess.PIPE, text=True, env=environment)
            return json.loads(done.stdout)

        version = check_torch(torch, data) if options.torch else None
        fit(data, data["orders"][:1])
        for _ in range(options.repeat):
            found = dict(zip(("fit", "fit_cpu"), clocked(lambda: fit(data, data["orders"])), strict=True))
            for name, agent in (("idle", Idle()), ("policy", Policy.of(model))):
                found[name] = min(clocked(lambda agent=agent: run(tape, agent))[1] for _ in range(3)) / len(tape)
            if options.torch:
                found |= {f"torch_{name}": value for name, value in torch().items()}
            rounds.append(found)
            print(found, file=sys.stderr)
    _report(about, rounds, len(tape), fills, version)


def _report(about: dict[str, Any], rounds: list[dict[str, float]], bars: int, fills: int, version: str | None) -> None:
    def mid(name: str) -> float:
        return median(each[name] for each in rounds)

    decision = median(each["policy"] - each["idle"] for each in rounds)
    lines = [
        "# A learnt policy of 16-64-32-3",
        "",
        machine.in_words(about),
        "",
        f"Medians of {len(rounds)} rounds. {ROWS:,} examples, {EPOCHS} epochs, batches of {BATCH}; {bars:,} bars. "
        f"PyTorch {version or 'was not measured'}: equal logits from equal parameters and equal losses in float64; "
        f"clocked in float32 on one thread. "
        f"Decisions in processor time, the least of three runs in each round. "
        f"The policy makes the {fills} fills of plain NumPy in the first 30 days.",
        "",
        "| | halfspread | PyTorch | ratio | wanted |",
        "|---|---:|---:|---:|---:|",
    ]

    def beside(ours: float, name: str, form: str, scale: float = 1.0) -> str:
        if version is None:
            return "- | -"
        return f"{scale * mid(name):{form}} | {mid(name) / ours:.1f}"

    lines += [
        f"| fit, wall time, s | {mid('fit'):.2f} | {beside(mid('fit'), 'torch_fit', '.2f')} | {WANTED_FIT:g} |",
        f"| fit, processor time, s | {mid('fit_cpu'):.2f} | {beside(mid('fit_cpu'), 'torch_cpu', '.2f')} | |",
        f"| one decision, us: features, network, choice, fills (PyTorch: the network alone) | {1e6 * decision:.2f} | "
        f"{beside(decision, 'torch_one_row', '.1f', 1e6)} | {1e6 * WANTED_DECISION:g} |",
        f"| the whole run, us a bar | {1e6 * mid('policy'):.2f} | | | |",
        f"| the same with an agent that decides nothing | {1e6 * mid('idle'):.2f} | | | |",
    ]
    machine.write("policies", {"machine": about, "torch": version, "rounds": rounds}, lines)


if __name__ == "__main__":
    main()
