"""The base of every model of costs and instruments, and values that change on a date.

Times of schedules are datetimes in UTC on the outside and int64 nanoseconds on the inside; the first period of a
schedule has no start and holds from the beginning of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, dataclass_transform

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from halfspread.errors import ConfigError, UserError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

__all__ = [
    "BEGINNING",
    "Floats",
    "Integers",
    "Model",
    "Period",
    "UtcTime",
    "check_periods",
    "during",
    "nanoseconds",
    "period_at",
    "readable",
    "starts_of",
    "time_text",
]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

#: Start of a first period, in nanoseconds: before every time.
BEGINNING = int(np.iinfo(np.int64).min)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def readable(error: ValidationError) -> str:
    """What pydantic found, in one line: field, what was expected, what was found."""
    faults = []
    for fault in error.errors(include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        found = "" if fault["type"] in ("missing", "value_error") else f", got {fault['input']!r}"
        faults.append(f"{field}: {message}{found}" if field else f"{message}{found}")
    return f"{error.title}: " + "; ".join(faults)


@dataclass_transform(kw_only_default=True, field_specifiers=(Field,))
class _UserErrors(ModelMetaclass):
    """Report a wrong argument of a constructor as our error; in a config, pydantic keeps the path to the field."""

    error_class: type[UserError]

    if not TYPE_CHECKING:  # a type checker would take this for the signature of every constructor

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
            try:
                return super().__call__(*args, **kwargs)
            except ValidationError as error:
                raise cls.error_class(readable(error)) from None


class Model(BaseModel, metaclass=_UserErrors):
    """Frozen, without unknown fields, NaN or infinity. A constructor raises ``error_class``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    error_class: ClassVar[type[UserError]] = ConfigError


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"expected a time with a zone, such as 2024-01-31T00:00:00Z or tzinfo=UTC, got {value}")
    return value.astimezone(UTC)


#: A datetime with a zone, kept in UTC; one without a zone is refused.
UtcTime = Annotated[datetime, AfterValidator(_in_utc)]


class Period(Model):
    """From ``start`` (None: from the beginning) until the next period. ``note`` says where the values are from."""

    start: UtcTime | None = None
    verified: bool = True
    note: str = ""

    def since(self) -> str:
        """``from 2021-08-18 00:00 UTC``, or ``from the beginning``."""
        return "from the beginning" if self.start is None else f"from {self.start:%Y-%m-%d %H:%M} UTC"

    def doubt(self, what: str) -> str:
        """``not verified: <what> from <start>: <note>``, for the warnings of a report."""
        return f"not verified: {what} {self.since()}" + (f": {self.note}" if self.note else "")


P = TypeVar("P", bound=Period)


def nanoseconds(time: datetime) -> int:
    """Nanoseconds since 1970 of a datetime with a zone, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def time_text(time_ns: int) -> str:
    """``2024-01-31 08:00:00 UTC``; fractions of a second only where there are any."""
    seconds, rest = divmod(int(time_ns), 1_000_000_000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}{f'.{rest:09d}'.rstrip('0') if rest else ''} UTC"


def starts_of(periods: Sequence[Period]) -> Integers:
    """Starts in nanoseconds, int64 (n,); ``BEGINNING`` for the first period."""
    return np.array([BEGINNING if p.start is None else nanoseconds(p.start) for p in periods], np.int64)


def check_periods(periods: tuple[P, ...]) -> tuple[P, ...]:
    """Refuse, with ValueError, periods that are not one sequence from the beginning on."""
    if not periods:
        raise ValueError("expected at least one period")
    if periods[0].start is not None:
        raise ValueError(f"the first period holds from the beginning: expected start=None, got {periods[0].start}")
    for i, period in enumerate(periods[1:], 1):
        if period.start is None:
            raise ValueError(f"period {i}: only the first period has no start")
    starts = starts_of(periods)
    for i in range(1, len(periods)):
        if starts[i] <= starts[i - 1]:
            raise ValueError(f"period {i}: expected a start later than that of period {i - 1}, got {periods[i].start}")
    return periods


def period_at(periods: Sequence[P], time_ns: int) -> P:
    """The period that ``time_ns`` falls into; a period's start belongs to it."""
    return periods[int(np.searchsorted(starts_of(periods), time_ns, side="right")) - 1]


def during(periods: Sequence[P], first_ns: int, last_ns: int) -> tuple[P, ...]:
    """The periods that some time of ``first_ns`` to ``last_ns``, both included, falls into."""
    starts = starts_of(periods)
    first, last = (int(np.searchsorted(starts, time, side="right")) for time in (first_ns, last_ns))
    return tuple(periods[first - 1 : last])
