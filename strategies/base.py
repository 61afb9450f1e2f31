"""The plug-in interface: parameters are typed fields, methods decide.

class MyStrategy(hs.Strategy):
    lookback: int = 96

    def on_bar(self, market):
        window = market.history("close")
        return 1.0 if market.close > window.mean() else -1.0
"""

from __future__ import annotations

import sys
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform, get_origin, get_type_hints

from halfspread.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from pydantic import BaseModel

    from halfspread.engine.instruments import Instrument
    from halfspread.engine.market import Market

    #: What a method may return: the target of one instrument, those of several, or None to keep what was wanted last.
    Targets = float | Sequence[float] | Mapping[str, float] | None

__all__ = ["Strategy"]

METHODS = ("on_bar", "on_quote", "on_book", "on_trade", "on_timer", "on_fill")


@dataclass_transform(kw_only_default=True)
class Strategy:
    """Base of strategies. Annotated attributes of a subclass are its parameters, checked when it is made.

    Limits go into the annotation: ``fast: Annotated[int, pydantic.Field(ge=1)] = 20``. State belongs into attributes
    set in `reset`, which is called before every run.

    A subclass decides in one of these methods or in several; each is called when its event has come, gets a `Market`,
    and may send orders through it: ``on_bar``, ``on_quote``, ``on_book``, ``on_trade``, ``on_timer`` (every ``timer``),
    ``on_fill`` (something has happened to an order of its own). Each may return targets: a number in [-1, 1], a
    fraction of the sizing notional; for several instruments a sequence in their order, or a mapping by symbol; None
    keeps what was wanted last.

    ``lookback``: how many earlier rows of its history stand before the present one whenever it is called; it is not
    called before. ``events``: names of the events it decides on ("bar", "quote", "book", "trade", "timer", "fill"), the
    first of a table being its history; None: those that it has methods for. ``timer``: such as "1m".

    ``agent_fields``: names of parameters that are agents themselves, such as the expert of a learner; a config writes
    each as a table. ``file_fields``: names of those that are files; in a config their paths begin in its folder.
    """

    lookback: int = 0

    events: ClassVar[tuple[str, ...] | None] = None
    timer: ClassVar[str | int | float | None] = None
    agent_fields: ClassVar[tuple[str, ...]] = ()
    file_fields: ClassVar[tuple[str, ...]] = ()
    _model: ClassVar[Any] = None

    def __init__(self, *unnamed: Any, **parameters: Any) -> None:
        from pydantic import ValidationError

        if unnamed:
            raise ConfigError(
                f"{type(self).__name__}: parameters are given by name; there are {_known(type(self))}, got {unnamed!r}"
            )

        try:
            checked = self.model()(**parameters)
        except ValidationError as error:
            raise ConfigError(_explain(type(self), error, parameters)) from None
        self.__dict__.update({name: getattr(checked, name) for name in type(checked).model_fields})
        self.check()

    @classmethod
    def model(cls) -> type[BaseModel]:
        """Pydantic model of the parameters, made of the annotations of the class and its bases."""
        if cls.__dict__.get("_model") is None:
            from pydantic import ConfigDict, create_model

            settings = ConfigDict(
                extra="forbid",
                frozen=True,
                arbitrary_types_allowed=True,
                validate_default=True,
                protected_namespaces=(),
            )
            with warnings.catch_warnings():  # a parameter may be called copy, json or schema
                warnings.filterwarnings("ignore", "Field name .* shadows an attribute", UserWarning)
                cls._model = create_model(cls.__name__, __config__=settings, **_fields(cls))
        return cls._model  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """Name in tables and messages."""
        return type(self).__name__

    def parameters(self) -> dict[str, Any]:
        """The parameters by name, as given or by default."""
        return {name: getattr(self, name) for name in self.model().model_fields}

    def check(self) -> None:
        """Override to refuse parameters that do not fit together: raise ConfigError."""

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        """Override to set up state; called before every run. All randomness has to come from ``rng``."""

    def on_bar(self, market: Market) -> Targets:
        """Decide at the close of a bar."""
        raise ConfigError(f"{type(self).__name__} has no on_bar method; define on_bar(self, market) to return a target")

    on_bar.placeholder = True  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.parameters().items())
        return f"{self.name}({inner})"


def _fields(cls: type[Strategy]) -> dict[str, Any]:
    """Annotation and default of every parameter. Raises ConfigError for a name that means something else here."""
    fields: dict[str, Any] = {}
    for name, annotation in _annotations(cls).items():
        default = getattr(cls, name, ...)
        if name != "lookback" and (name in Strategy.__dict__ or name in METHODS):
            raise ConfigError(
                f"{cls.__name__}: call the parameter {name!r} otherwise; Strategy means something else by it"
            )
        if not isinstance(default, (property, cached_property)):
            fields[name] = (annotation, default)
    return fields


def _annotations(cls: type) -> dict[str, Any]:
    """Public annotated attributes of the class and its bases, class variables left out."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        module = getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__)
        raise ConfigError(f"{module}: {cls.__name__}: an annotation cannot be read: {error}") from None
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_") and hint is not ClassVar and get_origin(hint) is not ClassVar
    }


def _known(cls: Any) -> str:
    return ", ".join(cls.model().model_fields) or "none"


def _explain(cls: Any, error: Any, given: Mapping[str, Any]) -> str:
    """What is wrong, by the place in ``given``. Of what a parameter may be, alternatives that it is further from are
    left out."""
    faults = [(_place(fault, given), fault) for fault in error.errors(include_url=False)]
    found: dict[str, str] = {}
    for place, fault in faults:
        if any(_nearer(other, at, place) for at, other in faults if other is not fault):
            continue
        where, said = ".".join(map(str, place)), _said(cls, place, fault)
        others = found[where].rpartition(", got ")[0] if where in found else ""
        found[where] = f"{others} or {said.removeprefix(f'{where}: expected ')}" if others else said
    return f"{cls.__name__}: " + "; ".join(found.values())


def _place(fault: Any, given: Any) -> tuple[Any, ...]:
    """Where a fault is, without the names that pydantic puts in for the choices it made."""
    place = []
    for i, part in enumerate(fault["loc"]):
        last = i + 1 == len(fault["loc"]) and fault["type"] in ("extra_forbidden", "missing")
        if isinstance(given, dict) and (part in given or last):
            given = given.get(part)
        elif isinstance(given, (list, tuple)) and isinstance(part, int) and part < len(given):
            given = given[part]
        elif i:
            continue
        place.append(part)
    return tuple(place)


def _nearer(other: Any, at: tuple[Any, ...], place: tuple[Any, ...]) -> bool:
    """Whether another fault, ``at`` its place, shows that a value was meant as something else than what it failed to be
    at ``place``: its inside is wrong, or all of it."""
    return (len(at) > len(place) == len(at[: len(place)]) and at[: len(place)] == place) or (
        at == place and other["type"] == "value_error"
    )


def _said(cls: Any, place: tuple[Any, ...], fault: Any) -> str:
    where = ".".join(str(part) for part in place)
    if fault["type"] == "extra_forbidden" and len(place) == 1:
        plain = hasattr(cls, where) and not isinstance(getattr(cls, where), property) and where not in _annotations(cls)
        hint = f" (annotate it to make it one: {where}: float = ...)" if plain else ""
        return f"no parameter {where!r}{hint}; there are {_known(cls)}"
    if fault["type"] == "extra_forbidden":
        return f"{where}: there is no such key"
    if fault["type"] == "missing":
        return f"parameter {where!r} is missing"
    said = fault["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    found = "" if fault["type"] == "value_error" and ", got " in said else f", got {fault['input']!r}"
    return f"{where}: {said[:1].lower()}{said[1:]}{found}"
