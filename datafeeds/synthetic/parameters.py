"""What every synthetic market's parameters have in common: frozen models whose faults are ConfigErrors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictFloat, StrictInt, ValidationError

from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError

__all__ = ["Delay", "Interval", "Parameters", "StartTime"]


def _start_in_utc(value: datetime) -> datetime:
    if not 2009 <= value.year <= 2099:
        raise ValueError(f"start: expected a year from 2009 to 2099, got {value.year}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: When a market begins; UTC where no zone is given.
StartTime = Annotated[datetime, AfterValidator(_start_in_utc)]


def _is_interval(value: str | int | float) -> str | int | float:
    try:
        parse_interval(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return value


#: A length of time: seconds, or a number and a unit ("100ms", "5m", "1h").
Interval = Annotated[StrictInt | StrictFloat | str, AfterValidator(_is_interval)]

#: A delay: 0 or a length of time.
Delay = Annotated[
    StrictInt | StrictFloat | str, AfterValidator(lambda value: value if value == 0 else _is_interval(value))
]


class Parameters(BaseModel):
    """Frozen, without unknown names, NaN or infinity. A constructor raises ConfigError, which begins with ``title``."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
    title: ClassVar[str]

    if not TYPE_CHECKING:  # type checkers see the parameters instead

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise ConfigError(f"{self.title}: {_readable(error)}") from None


def _readable(error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False):
        field, message = ".".join(str(part) for part in fault["loc"]), fault["msg"].removeprefix("Value error, ")
        found = "" if fault["type"] == "value_error" else f", got {fault['input']!r}"
        faults.append(f"{field}: {message}{found}" if field and not message.startswith(field) else f"{message}{found}")
    return "; ".join(faults)
