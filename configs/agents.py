"""Find an agent's class by built-in name, by ``package.module:Class`` or by file path, and make the agent.

Only the module or file that a config names is run, and what it imports itself. While it is imported, the folder of the
config and the working folder stand at the end of the import path: it finds what lies beside it, and shadows nothing.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from halfspread import agents, strategies
from halfspread.configs.faults import close_match
from halfspread.configs.fields import file_at
from halfspread.configs.foresight import marked
from halfspread.configs.model import AgentConfig
from halfspread.errors import ConfigError, StrategyError, UserError
from halfspread.strategies.base import Strategy

__all__ = ["BUILT_IN", "agent_class", "agent_files", "build_agent", "fault_text", "parameters_of"]

#: Names by which a config calls what comes with halfspread.
BUILT_IN = (*strategies.BUILT_IN, *agents.BUILT_IN)


def build_agent(config: AgentConfig, folder: Path, where: str = "agent") -> Any:
    """The agent that a config describes; ``where`` names the place in messages, ``folder`` is that of the config.

    Raises ConfigError for an agent that cannot be found or parameters that it does not take, StrategyError for code of
    the agent that fails.
    """
    cls = agent_class(config.type, folder, where)
    parameters = dict(config.parameters)
    for name, table in _tables(cls, config).items():
        parameters[name] = build_agent(table, folder, f"{where}: {name}")
    for name in getattr(cls, "file_fields", ()):
        if isinstance(parameters.get(name), str) and parameters[name]:
            parameters[name] = str(file_at(parameters[name], folder, f"{where}: {name}"))
    try:
        return marked(cls(**parameters))
    except UserError as error:
        raise type(error)(f"{where}: {error}") from error
    except Exception as error:
        raise StrategyError(f"{where}: {config.type} cannot be made: {fault_text(error)}") from error


def parameters_of(agent: Any, config: AgentConfig) -> dict[str, Any]:
    """All parameters of an agent as plain data, defaults included; those of the config where it does not tell."""
    if not isinstance(agent, Strategy):
        return config.parameters
    values, inner = agent.parameters(), _tables(type(agent), config)
    checked = agent.model().model_validate(values)
    found = dict(checked.model_dump(mode="json", exclude=set(inner)))
    found |= {name: config.parameters[name] for name in agent.file_fields if name in config.parameters}
    for name, table in inner.items():
        found[name] = {"type": table.type, **parameters_of(values[name], table)}
    return found


def agent_files(config: AgentConfig, folder: Path, where: str = "agent") -> dict[str, Path]:
    """The files that the parameters of a built-in agent name. Raises ConfigError for one that is not there."""
    if config.type not in BUILT_IN:
        return {}
    cls, found = agent_class(config.type, folder, where), {}
    for name in getattr(cls, "file_fields", ()):
        if isinstance(config.parameters.get(name), str) and config.parameters[name]:
            found[name] = file_at(config.parameters[name], folder, f"{where}: {name}")
    for name, table in _tables(cls, config).items():
        inner = agent_files(table, folder, f"{where}: {name}")
        found |= {f"{name}.{key}": path for key, path in inner.items()}
    return found


def _tables(cls: Any, config: AgentConfig) -> dict[str, AgentConfig]:
    """The parameters of an agent that are agents themselves, as a config writes them. Raises ConfigError."""
    found = {}
    for name in getattr(cls, "agent_fields", ()):
        table = config.parameters.get(name)
        if isinstance(table, dict):
            try:
                found[name] = AgentConfig.model_validate(table)
            except ValidationError:
                raise ConfigError(
                    f'{name}: expected a table that says which agent, such as {{ type = "sma_cross" }}, got {table!r}'
                ) from None
    return found


def agent_class(kind: str, folder: Path, where: str = "agent") -> Callable[..., Any]:
    """The class that ``kind`` names. Raises ConfigError, or StrategyError where its file cannot be imported."""
    if kind in strategies.BUILT_IN:
        return getattr(strategies, strategies.BUILT_IN[kind])  # type: ignore[no-any-return]
    if kind in agents.BUILT_IN:
        return getattr(agents, agents.BUILT_IN[kind])  # type: ignore[no-any-return]
    file, _, name = kind.rpartition(":")
    if kind.endswith(".py"):
        return _from_file(kind, "", folder, where)
    if file.endswith(".py"):
        return _from_file(file, name, folder, where)
    if file and all(part.isidentifier() for part in [*file.split("."), name]):
        with _import_path(folder), _imported(f"{where}: {file}"):
            module = importlib.import_module(file)
        return _named(module, name, f"{where}: {file}")
    raise ConfigError(
        f"{where}: unknown agent {kind!r}; expected one of {', '.join(BUILT_IN)}, or package.module:Class, "
        f"or a file such as ./my_strategy.py{close_match(kind, BUILT_IN)}"
    )


def _from_file(text: str, name: str, folder: Path, where: str) -> Callable[..., Any]:
    path = file_at(text, folder, where)
    module = _load(path, folder, where)
    if name:
        return _named(module, name, f"{where}: {path}")
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Strategy) and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(each.__name__ for each in found)
        raise ConfigError(
            f"{where}: {path}: expected one strategy (a subclass of hs.Strategy), found {names or 'none'}"
            + (f"; say which: type = '{text}:{found[0].__name__}'" if found else "")
        )
    return found[0]


def _load(path: Path, folder: Path, where: str) -> ModuleType:
    """The module of a file, run once per content: no stale bytecode, and none left beside the user's file."""
    source = path.read_bytes()
    digest = hashlib.blake2b(str(path.resolve()).encode() + source, digest_size=6).hexdigest()
    name = f"halfspread_agent_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        with _import_path(folder, path.resolve().parent), _imported(f"{where}: {path}"):
            exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _named(module: ModuleType, name: str, where: str) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if isinstance(found, type) and callable(getattr(found, "reset", None)):
        return found
    classes = [each.__name__ for each in vars(module).values() if isinstance(each, type) and issubclass(each, Strategy)]
    if found is not None:
        raise ConfigError(f"{where}: {name} is no strategy: expected a subclass of hs.Strategy")
    raise ConfigError(
        f"{where}: no class {name!r}; strategies there: {', '.join(classes) or 'none'}{close_match(name, classes)}"
    )


@contextmanager
def _import_path(*folders: Path) -> Iterator[None]:
    added = [str(folder.resolve()) for folder in dict.fromkeys((*folders, Path.cwd()))]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.reverse()
            if folder in sys.path:
                sys.path.remove(folder)
            sys.path.reverse()


@contextmanager
def _imported(what: str) -> Iterator[None]:
    """Whatever a user's module raises on import is the user's: name file and line, without a traceback."""
    try:
        yield
    except UserError as error:
        raise type(error)(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:
        raise StrategyError(f"{what}: cannot be imported: {fault_text(error)}") from error


def fault_text(error: BaseException) -> str:
    """Type, text and place of an error: the innermost line that is not the import machinery's."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in {error.filename}, line {error.lineno}: {error.msg}"
    text = f"{type(error).__name__}: {error}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
        and Path(frame.filename) != Path(importlib.__file__)
        and frame.filename != __file__
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text
