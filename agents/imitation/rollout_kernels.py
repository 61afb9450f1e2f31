"""One decision of a rollout: look, ask the expert, let expert, learner or noise act, and write all of it down.

``memory`` of `roll` is the desk below: int64 in the bits of its float64 numbers, most of them addresses of arrays that
the rollout keeps, ``beta`` as it is. Each row of the notes: time (int64 bits), what the expert wants, what is in force
afterwards, who set it, probability of the expert's choice, then the observation. Targets are from -1 to 1, never NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.experts.call_kernels import agent_at, numbers_at
from halfspread.agents.networks.network_kernels import SOFTMAX, to_probabilities
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.policy_kernels import look, set_targets
from halfspread.compiled import kernel, loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import MAX_INSTRUMENTS, OK

Array = Any
Record = Any

# The desk.
PLAIN, NATIVE, EXPERT, EXPERT_SIZE, LEARNER, LEARNER_SIZE, NOTES, ROOM, WIDTH = range(9)
STATE, DRAWS, DRAWN, NOISE, LEVELS, TRADED, LEARNS, TELLS, OWN, BETA, DESK = range(9, 20)

# A row of the notes.
TIME, WANTED, EXECUTED, ACTOR, PROBABILITY, OBSERVATION = range(6)

# Who acted.
BY_EXPERT, BY_LEARNER, BY_NOISE = range(3)

# State: rows so far, what went wrong, the number that shows it, whether the expert is being asked, targets in force,
# and what the expert wanted last.
ROWS, FAULT, VALUE, INSIDE, KEPT = range(5)
SAID = KEPT + MAX_INSTRUMENTS
STATE_SIZE = SAID + MAX_INSTRUMENTS

# What an expert may do wrong.
NO_FAULT, BAD_STATUS, BAD_TARGET, SENDS_ORDERS, NO_ROOM = range(5)


@loop_kernel
def chance_of_choice(memory: Array, chosen: float) -> float:
    """Probability that a policy with a softmax head gives to the target that it has just chosen; 1 for other heads."""
    layout = memory[: places.HEADER].view(np.int64)
    if layout[places.HEAD] != SOFTMAX:
        return 1.0
    count = layout[places.RANDOM] - layout[places.TARGETS]
    outputs = memory[layout[places.TARGETS] - count : layout[places.TARGETS]]
    if layout[places.DRAWS] == 0:  # a policy that draws has made probabilities of them already
        to_probabilities(outputs.reshape((1, count)))
    total = 0.0
    for j in range(count):
        if memory[layout[places.TARGETS] + j] == chosen:
            total += outputs[j]
    return total


@loop_kernel
def nearest(levels: Array, count: int, target: float) -> int:
    """The place of the level that is nearest to a target."""
    near = 0
    for i in range(1, count):
        if abs(levels[i] - target) < abs(levels[near] - target):
            near = i
    return near


@loop_kernel
def noisy(noise: Array, count: int, held: float, target: float, draw: float) -> float:
    """What noise makes of a target where ``held`` is in force. ``noise``: the levels, then for each of them that may be
    in force a line of chances for each that may be wanted."""
    wanted = nearest(noise, count, target)
    at = count + (nearest(noise, count, held) * count + wanted) * count
    for j in range(count):
        draw -= noise[at + j]
        if draw < 0.0:
            return target if j == wanted else noise[j]
    return target


@loop_kernel
def fault_of(context: Record, wanted: float, status: int, state: Array) -> bool:
    """Whether the expert has done wrong; then the state says what."""
    state[FAULT] = NO_FAULT
    if status != OK:
        state[FAULT], state[VALUE] = BAD_STATUS, status
    elif not (-1.0 <= wanted <= 1.0):  # NaN too
        state[FAULT], state[VALUE] = BAD_TARGET, wanted
    elif context.requests != 0:
        state[FAULT] = SENDS_ORDERS
    return state[FAULT] != NO_FAULT  # type: ignore[no-any-return]


@compiled_agent
def roll(context: Array, memory: Array, history: Array, row: int) -> int:
    """Memory: the desk."""
    desk = memory.view(np.int64)
    state = numbers_at(desk[STATE], STATE_SIZE)
    learner = numbers_at(desk[LEARNER], desk[LEARNER_SIZE])
    expert = numbers_at(desk[EXPERT], desk[EXPERT_SIZE])
    count, traded = context.instruments, desk[TRADED]
    at = int(state[ROWS])
    if at >= desk[ROOM]:
        state[FAULT] = NO_ROOM
        return 0
    notes = numbers_at(desk[NOTES] + 8 * at * desk[WIDTH], desk[WIDTH])
    draws = numbers_at(desk[DRAWS] + 16 * at * desk[DRAWN], 2)
    look(learner, context, history)
    for k in range(count):
        state[KEPT + k] = context.targets[k]
        if desk[OWN] != 0:
            context.targets[k] = state[SAID + k]
    state[INSIDE] = 1.0
    status = agent_at(desk[PLAIN], desk[NATIVE])(context, expert, history, row)
    state[INSIDE] = 0.0
    wanted = context.targets[traded]
    if fault_of(context, wanted, status, state):
        return 0
    for k in range(count):
        state[SAID + k] = context.targets[k]
    actor = BY_EXPERT
    if desk[LEARNS] != 0 and draws[0] >= memory[BETA]:
        actor = BY_LEARNER
        for k in range(count):
            context.targets[k] = state[KEPT + k]
        set_targets(learner, context.targets)
    if desk[LEVELS] != 0:
        noise = numbers_at(desk[NOISE], desk[LEVELS] * (1 + desk[LEVELS] * desk[LEVELS]))
        disturbed = noisy(noise, desk[LEVELS], state[KEPT + traded], context.targets[traded], draws[1])
        if disturbed != context.targets[traded]:
            context.targets[traded] = disturbed
            actor = BY_NOISE
    notes[TIME : TIME + 1].view(np.int64)[0] = context.time
    notes[WANTED], notes[EXECUTED], notes[ACTOR] = wanted, context.targets[traded], actor
    notes[PROBABILITY] = chance_of_choice(expert, wanted) if desk[TELLS] != 0 else 1.0
    begin = learner[: places.HEADER].view(np.int64)[places.OBSERVED]
    for i in range(desk[WIDTH] - OBSERVATION):
        notes[OBSERVATION + i] = learner[begin + i]
    state[ROWS] = at + 1
    return OK


@kernel
def set_now(memory: Array, contexts: Array) -> None:
    """`policy_kernels.set_targets`, for agents in Python; ``contexts`` is an array of one."""
    set_targets(memory, contexts[0].targets)


@kernel
def chance_now(memory: Array, chosen: float) -> float:
    """`chance_of_choice`, for agents in Python."""
    return chance_of_choice(memory, chosen)
