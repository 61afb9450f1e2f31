"""Kinds of values that run configs share: labels, times and paths with environment variables."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from halfspread.costs.base import Model
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError

__all__ = ["Interval", "Label", "Moment", "Section", "check_range", "file_at", "label_of", "path_at"]

LABEL = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Section(Model):
    """A table of a config: frozen, unknown keys refused; every field says what it is, in the schema too."""


def _moment(value: Any) -> Any:
    """TOML dates and times as text, so that both forms, and JSON, are read by the same rule."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"expected a time such as 2024-01-31, 2024-01-31T08:00 or 2024-01-31T08:00Z, got {value!r}"
            ) from None
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    raise ValueError(f"expected a time such as 2024-01-31 or 2024-01-31T08:00Z, got {value!r}")


def _interval(value: int | str) -> int | str:
    try:
        parse_interval(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return value


#: A time; UTC where no zone is written. Kept in UTC.
Moment = Annotated[
    datetime, BeforeValidator(_moment, json_schema_input_type=str), AfterValidator(lambda time: time.astimezone(UTC))
]

#: A length of time: "30s", "5m", "1h", "1d", or a number of seconds.
Interval = Annotated[int | str, AfterValidator(_interval)]

#: A name that is also the name of a folder: no separators, no leading dot.
Label = Annotated[str, Field(pattern=LABEL)]


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Raise ValueError for an end that is not after the start."""
    if start is not None and end is not None and end <= start:
        raise ValueError(f"end: expected a time after start {start:%Y-%m-%dT%H:%MZ}, got {end:%Y-%m-%dT%H:%MZ}")


def label_of(text: str) -> str:
    """The nearest `Label` to a text."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).lstrip("_.-")[:80] or "agent"


def file_at(text: str, folder: Path, key: str) -> Path:
    """The file that a path in a config means, as `path_at` finds it. Raises ConfigError for one that does not exist."""
    path = path_at(text, folder, key)
    if not path.is_file():
        what = "is a folder, expected a file" if path.is_dir() else "no such file"
        raise ConfigError(f"{key}: {path}: {what}" + (f" (written as {text!r})" if "$" in text else ""))
    return path


def path_at(text: str, folder: Path, key: str) -> Path:
    """Where a path in a config leads: environment variables put in, relative to the config's ``folder``.

    Raises ConfigError naming ``key`` for a variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        found = os.environ.get(name)
        if not found:
            raise ConfigError(
                f"{key}: the environment variable {name} is not set, and the path {text!r} needs it; "
                f"set it to the folder that holds the data: export {name}=/folder/with/data"
            )
        return found

    path = Path(_VARIABLE.sub(value, text)).expanduser()
    return path if path.is_absolute() else folder / path
