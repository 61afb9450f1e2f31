"""Eight float64 numbers at once, for loops whose sums the compiler may not turn into vectors by itself: that would
change their order, and so their bits. Here the order is written down, and the bits are the same on every machine.

    total = splat(0.0)
    for j in range(0, len(a), LANES):                      # a multiple of LANES
        total = total + load(a, j) * load(b, j)
    return sum_of(total)

`load` and `store` do not check bounds. Multiplications and additions are never contracted.
"""

from __future__ import annotations

import operator
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from halfspread.compiled import inner_kernel

Array = Any
Lanes = Any

LANES = 8
VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class LanesType(types.Type):
    """Numba's type of eight numbers."""

    def __init__(self) -> None:
        cast(Any, super()).__init__(name=f"Lanes({LANES})")


LANES_TYPE = cast(Any, LanesType)()


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    """A vector of LLVM, which makes of it what the machine has."""

    def __init__(self, manager: Any, kind: Any) -> None:
        cast(Any, super()).__init__(manager, kind, VECTOR)


def _instruction(function: Any) -> Any:
    """What numba replaces by the LLVM code that ``function`` gives."""
    return intrinsic(function)


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Address of eight numbers of the first argument, from the second on."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), VECTOR.as_pointer())


@_instruction
def load(typing: Any, array: Any, first: Any) -> Any:
    """Numbers ``first`` to ``first + 7`` of a contiguous array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_place(context, builder, signature, arguments))
        loaded.align = 8
        return loaded

    return LANES_TYPE(array, types.intp), code


@_instruction
def store(typing: Any, array: Any, first: Any, lanes: Any) -> Any:
    """Write ``lanes`` to places ``first`` to ``first + 7`` of a contiguous array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _place(context, builder, signature, arguments)).align = 8
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES_TYPE), code


@_instruction
def splat(typing: Any, number: Any) -> Any:
    """The same number eight times."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing, index = ir.Constant(VECTOR, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(index, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))

    return LANES_TYPE(types.float64), code


@_instruction
def sum_of(typing: Any, lanes: Any) -> Any:
    """Sum of the eight: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7))."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = [builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [builder.fadd(parts[i], parts[i + half]) for i in range(half)]
        return parts[0]

    return types.float64(lanes), code


def _operate(sign: Any, name: str) -> None:
    """Have ``sign`` stand for the instruction ``name`` between lanes."""

    def kind_of(context: Any) -> Any:
        return lambda a, b: LANES_TYPE if isinstance(a, LanesType) and isinstance(b, LanesType) else None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, name)(*arguments)

    cast(Any, type_callable)(sign)(kind_of)
    cast(Any, lower_builtin)(sign, LanesType, LanesType)(code)


for _sign, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _operate(_sign, _name)


@inner_kernel
def dot(a: Array, b: Array) -> float:
    """Sum of a[i] x b[i], lane by lane, then what is left over one after the other."""
    count = len(a)
    whole = count - count % LANES
    lanes = splat(0.0)
    for i in range(0, whole, LANES):
        lanes = lanes + load(a, i) * load(b, i)
    total = sum_of(lanes)
    for i in range(whole, count):
        total += a[i] * b[i]
    return total  # type: ignore[no-any-return]
