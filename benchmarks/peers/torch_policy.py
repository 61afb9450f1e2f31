"""The same network in PyTorch: fitted to the same examples in the same order, and asked about one row at a time.

    PYTHON benchmarks/peers/torch_policy.py --data policies.npz [--check]

Runs by itself, without halfspread, on one thread. Prints one JSON object: seconds of the fit and of one inference; with
--check, losses and logits in float64 that have to be ours.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn


def network(sizes: list[int], parameters: Any, dtype: Any) -> Any:
    """A perceptron with our parameters: of each layer the weights, inputs x outputs, then the biases."""
    layers: list[Any] = []
    at = 0
    for before, after in pairwise(sizes):
        layer = nn.Linear(before, after, dtype=dtype)
        weights = parameters[at : at + before * after].reshape(before, after).T
        at += before * after
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(weights.copy(), dtype=dtype))
            layer.bias.copy_(torch.tensor(parameters[at : at + after].copy(), dtype=dtype))
        at += after
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def fit(model: Any, data: Any, dtype: Any, orders: Any) -> list[float]:
    """Passes of Adam over mini-batches, as `torch` users write them; mean loss of each pass."""
    x, labels = torch.tensor(data["x"], dtype=dtype), torch.tensor(data["labels"])
    optimiser = torch.optim.Adam(model.parameters(), lr=float(data["rate"]), foreach=True)
    cost, batch, losses = nn.CrossEntropyLoss(), int(data["batch"]), []
    for order in torch.tensor(orders):
        total = 0.0
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            optimiser.zero_grad()
            loss = cost(model(x[rows]), labels[rows])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(order))
    return losses


def one_row(model: Any, data: Any, dtype: Any, calls: int = 20_000) -> float:
    """Processor seconds of one inference of one row."""
    x = torch.tensor(data["x"][:1], dtype=dtype)
    with torch.inference_mode():
        for _ in range(1_000):
            model(x)
        began = time.process_time()
        for _ in range(calls):
            model(x)
        return (time.process_time() - began) / calls


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = np.load(options.data)
    sizes = data["sizes"].tolist()
    if options.check:
        model = network(sizes, data["parameters"], torch.float64)
        with torch.inference_mode():
            logits = model(torch.tensor(data["x"][:1_000])).numpy().tolist()
        print(
            json.dumps(
                {
                    "logits": logits,
                    "losses": fit(model, data, torch.float64, data["first"]),
                    "version": torch.__version__,
                }
            )
        )
        return
    model = network(sizes, data["parameters"], torch.float32)
    fit(network(sizes, data["parameters"], torch.float32), data, torch.float32, data["orders"][:1])
    wall, cpu = time.perf_counter(), time.process_time()
    losses = fit(model, data, torch.float32, data["orders"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"fit": wall, "cpu": cpu, "loss": losses[-1], "one_row": one_row(model, data, torch.float32)}))


if __name__ == "__main__":
    main()
