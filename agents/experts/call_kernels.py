"""Call a compiled agent, and look at an array, by address: for agents that consist of other agents.

The address of a function is kept as two int64 numbers, as `addresses_of` in ``agents.experts.calling`` tells them. Who
keeps an address keeps what it leads to alive.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from halfspread.engine.agent_functions import SIGNATURE

Array = Any
Record = Any

AGENT = types.FunctionType(SIGNATURE)
_builders: Any = cgutils
_populate: Any = populate_array


def _agent_at(typing: Any, plain: Any, native: Any) -> Any:
    """The agent function at two addresses: of its plain wrapper, and of itself."""

    def make(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = _builders.create_struct_proxy(AGENT)(context, builder)
        pointer = context.get_value_type(types.voidptr)
        found.c_addr = builder.inttoptr(values[0], pointer)
        found.py_addr = _builders.get_null_value(pointer)
        found.jit_addr = builder.inttoptr(values[1], pointer)
        return found._getvalue()

    return AGENT(types.int64, types.int64), make


agent_at: Any = intrinsic(_agent_at)


def _numbers_at(typing: Any, address: Any, count: Any) -> Any:
    """The float64 numbers at an address: so many, as an array."""
    kind = types.Array(types.float64, 1, "C")

    def make(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(kind)(context, builder)
        size = context.get_constant(types.intp, 8)
        data = builder.inttoptr(values[0], array.data.type)
        _populate(array, data=data, shape=[values[1]], strides=[size], itemsize=size, meminfo=None)
        return array._getvalue()

    return kind(types.int64, types.int64), make


numbers_at: Any = intrinsic(_numbers_at)
