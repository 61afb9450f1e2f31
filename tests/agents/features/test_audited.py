"""The audit finds no look-ahead in a policy that looks at every feature, and finds it where it was planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.agents.features import KINDS, FeatureSet
from halfspread.agents.networks.network import Network
from halfspread.agents.networks.scaler import Scaler
from halfspread.agents.policies.model import Model
from halfspread.agents.policies.policy import Policy
from halfspread.agents.policies.policy_kernels import look, set_targets
from halfspread.agents.policies.watching import observations
from halfspread.costs.margin import Margin
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.audit import audit
from halfspread.engine.codes import OK
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from tests.agents.features.lookers import ON_BOOKS, random_bars, random_books
from tests.agents.features.test_causal import OF_BARS, OF_BOOKS, written
from tests.engine.worlds import FREE

ON_BARS = tuple(written(kind) for kind in KINDS if kind not in OF_BOOKS)
ON_EVENTS = tuple(written(kind) for kind in KINDS if kind not in OF_BARS)
TERMS: Any = {"sizing": FixedContracts(4.0), "capital": 1e6, "margin": Margin.none()}


def model(tape: Tape, names: tuple[str, ...], events: tuple[str, ...], stack: int = 2) -> Model:
    """One whose decisions change often, since it is scaled by the market that it trades."""
    features = FeatureSet(names, stack)
    rng = np.random.default_rng(5)
    network = Network.drawn(features.count, (12,), 3, "softmax", "tanh", rng)
    scaler = Scaler.fitted(observations(tape, features, events)[1])
    return Model(features, scaler, network, np.array([-1.0, 0.0, 1.0]), events=events)


def test_every_kind_is_looked_at() -> None:
    assert set(KINDS) == {name.partition("(")[0] for name in (*ON_BARS, *ON_EVENTS)}


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_policy_that_looks_at_every_feature_of_bars_passes_the_audit(deterministic: bool) -> None:
    tape = random_bars(100)
    made = model(tape, ON_BARS, ("bar",))
    found = audit(tape, lambda: Policy.of(made, deterministic=deterministic), FREE, **TERMS)
    assert found.passed, found
    assert found.moments > 100


def test_a_policy_that_looks_at_every_feature_of_books_passes_the_audit() -> None:
    tape = random_books(60)
    made = model(tape, ON_EVENTS, ("book",))
    found = audit(tape, lambda: Policy.of(made), ON_BOOKS, **TERMS)
    assert found.passed, found


@compiled_agent
def act_a_row_ahead(context: Any, memory: Any, history: Any, row: int) -> int:
    """A policy whose features are those of the next bar."""
    if row + 1 < len(history):
        context.rows[0] += 1
        look(memory, context, history)
        context.rows[0] -= 1
        set_targets(memory, context.targets)
    return OK


class RowAhead(Policy):
    function = act_a_row_ahead


@pytest.mark.parametrize("kind", OF_BARS)
def test_a_feature_of_the_next_bar_fails_the_audit(kind: str) -> None:
    tape = random_bars(60)
    made = model(tape, (written(kind),), ("bar",), stack=1)
    found = audit(tape, lambda: RowAhead.of(made), FREE, **TERMS)
    assert not found.passed
    assert found.peek is not None
    assert any(each.startswith("bars: ") for each in found.peek.inputs)
