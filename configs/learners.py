"""Fit the agents of a run that learn: each gets the part of the market that stands before what is traded, and no more.

A learner is an agent that has ``fit(tape, rng)``, which gives the fitted agent (itself, or another). One that asks for
``costs`` and ``options`` by name gets those of the run, so that what it tries in training is charged like what it does
later.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from halfspread.configs.agents import fault_text
from halfspread.configs.build import BuiltAgent, run_terms, training_part
from halfspread.configs.costs import build_costs
from halfspread.configs.load import Loaded
from halfspread.costs.model import Costs
from halfspread.engine.agent import decides_in_python, is_compiled
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import ConfigError, StrategyError, UserError

__all__ = ["call_fit", "fitted", "is_learner", "learns_online", "lesson", "training_rng"]


def is_learner(agent: object) -> bool:
    """Whether an agent can be fitted."""
    return callable(getattr(agent, "fit", None))


def learns_online(agent: object) -> bool:
    """Whether a learner says (``learns_online = True``) that its ``fit`` is a run like any other: every decision
    is made with what was learnt before it, so that settings can be judged by it."""
    return is_learner(agent) and getattr(agent, "learns_online", False) is True


def training_rng(loaded: Loaded) -> np.random.Generator:
    """What a learner of a config draws from."""
    return np.random.default_rng([loaded.config.seed, 4])


def fitted(loaded: Loaded, built: BuiltAgent, lessons: Tape | None = None) -> BuiltAgent:
    """An agent as it runs: one that learns is fitted on the training part of its config, others are as they were.
    ``lessons``: that part, where it has been read.

    Raises ConfigError for a learner that cannot decide unfitted, in a config without [training], and what its ``fit``
    raises.
    """
    if built.learnt or not is_learner(built.agent):
        return built
    tape = training_part(loaded) if lessons is None else lessons
    if tape is None:
        if is_compiled(built.agent) or decides_in_python(built.agent):
            return built
        raise ConfigError(
            f"agent {built.label} has to learn before it trades: say what from, such as [training] until = "
            "2024-01-01; or train it once with halfspread train and run the model with type = 'policy'; or refit it "
            "as you go with halfspread walk-forward"
        )
    costs = build_costs(loaded.config.costs, loaded.folder, loaded.places)
    agent = call_fit(copy.deepcopy(built.agent), tape, training_rng(loaded), built.label, costs, run_terms(loaded))
    if agent is None:
        raise ConfigError(f"agent {built.label}: its fit gave None: it would rather not trade what it was shown")
    return replace(built, agent=agent, learnt=True)


def call_fit(
    agent: Any, tape: Tape, rng: np.random.Generator, name: str, costs: Costs, options: Mapping[str, Any]
) -> Any:
    """What the agent's own ``fit`` gives: an agent, or None. Raises StrategyError where it fails, or gives what is no
    agent."""
    terms = {"costs": costs, "options": dict(options)}
    with lesson(name, tape):
        made = agent.fit(tape, rng, **{key: terms[key] for key in _asked(agent.fit, terms)})
    if made is not None and not callable(getattr(made, "reset", None)):
        raise StrategyError(
            f"{name}: fit gave {made!r}, which is no agent; expected the fitted agent (such as self), or None to stay "
            "flat"
        )
    return made


@contextmanager
def lesson(name: str, tape: Tape) -> Iterator[None]:
    """Have what goes wrong while an agent learns say who learnt from what. Raises StrategyError for what is no fault of
    the input."""
    window = f"the training window from {time_text(tape.start_ns)} to {time_text(tape.end_ns)}"
    try:
        yield
    except UserError as error:
        raise type(error)(f"{name}: fit, in {window}: {error}") from error
    except Exception as error:
        raise StrategyError(f"{name}: fit failed in {window}: {fault_text(error)}") from error


def _asked(fit: Any, terms: Mapping[str, Any]) -> list[str]:
    """Which of the terms a method takes by name."""
    parameters = inspect.signature(fit).parameters
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name in terms if name in parameters and parameters[name].kind in by_name]
