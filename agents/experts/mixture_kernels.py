"""A mixture of two compiled agents. Signature: ``engine.agent_functions``.

``memory`` begins with the places below, as int64 in the bits of its float64 numbers (the level as it is); then come the
memories of both agents, and one of ``policies.policy_kernels`` that looks at the feature of the regime.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.agents.experts.call_kernels import agent_at
from halfspread.agents.policies import policy_kernels as places
from halfspread.agents.policies.policy_kernels import look
from halfspread.compiled import loop_kernel
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import MAX_INSTRUMENTS, OK

Array = Any
Record = Any

# Addresses of both functions, where the second memory, the look and what was in force begin, who acts where no regime
# decides, whether one does, and its level.
PLAIN, NATIVE, PLAIN_SECOND, NATIVE_SECOND, SECOND, LOOK, HELD, CHOSEN, BY_REGIME, LEVEL, HEADER = range(11)


@loop_kernel
def is_second(memory: Array, layout: Array, context: Record, history: Array) -> bool:
    """Whether the second one acts."""
    if layout[BY_REGIME] == 0:
        return layout[CHOSEN] != 0  # type: ignore[no-any-return]
    part = memory[layout[LOOK] : layout[HELD]]
    look(part, context, history)
    return part[part[: places.HEADER].view(np.int64)[places.FRESH]] > memory[LEVEL]  # type: ignore[no-any-return]


@compiled_agent
def mixture_rule(context: Array, memory: Array, history: Array, row: int) -> int:
    """Both are asked, so that both know the past; one of them acts. Memory: see the module."""
    layout = memory[:HEADER].view(np.int64)
    held = memory[layout[HELD] : layout[HELD] + 2 * MAX_INSTRUMENTS]
    second = is_second(memory, layout, context, history)
    for k in range(context.instruments):
        held[k] = context.targets[k]
    status = agent_at(layout[PLAIN], layout[NATIVE])(context, memory[HEADER : layout[SECOND]], history, row)
    if status != OK:
        return status  # type: ignore[no-any-return]
    for k in range(context.instruments):
        held[MAX_INSTRUMENTS + k] = context.targets[k]
        context.targets[k] = held[k]
    status = agent_at(layout[PLAIN_SECOND], layout[NATIVE_SECOND])(
        context, memory[layout[SECOND] : layout[LOOK]], history, row
    )
    if not second:
        for k in range(context.instruments):
            context.targets[k] = held[MAX_INSTRUMENTS + k]
    return status  # type: ignore[no-any-return]
