"""An interface's settings as a form asks for them: one field each, in words, and back to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from data import connectors
from data.connectors.base import ConnectorConfig, is_secret


class Shape(Enum):
    """How a setting is written."""

    LINE = "line"
    CHOICE = "choice"
    HIDDEN = "hidden"
    LIST = "list"
    PAIRS = "pairs"


@dataclass(frozen=True)
class Setting:
    """A setting as a form asks for it.

    Parameters
    ----------
    name, about
        Its name, and what it is (Chinese, key of the catalogue).
    shape
        How it is written: a line, one of the choices, where a secret is kept, words with commas,
        or pairs ``name=word`` with commas.
    required
        Whether there is no default.
    value
        As it is now, empty for the default; a secret is never told.
    default
        What counts where nothing is written, empty where that is nothing.
    choices
        What may be chosen.
    kept
        Whether a secret is set.
    server
        Whether it is set on the server alone (`on_server`).
    """

    name: str
    about: str
    shape: Shape
    required: bool
    value: str
    default: str = ""
    choices: tuple[str, ...] = ()
    kept: bool = False
    server: bool = False


def on_server(config: type[ConnectorConfig], name: str, held: Mapping[str, Any]) -> bool:
    """Tell whether a setting is set on the server alone, whatever a page sends.

    A path is read, and a folder's files are moved away, with the rights of the server; the place
    of a secret names a file or a variable of it; and whoever could send an interface elsewhere
    would be told the secret that it has.
    """
    if any(is_secret(config, one) for one in held):
        return True
    return is_secret(config, name) or _holds_path(config.model_fields[name].annotation)


def _holds_path(annotation: object) -> bool:
    return annotation is Path or any(map(_holds_path, get_args(annotation)))


def settings_of(kind: str, held: Mapping[str, Any]) -> list[Setting]:
    """Return the settings of a kind of interface, those that must be given first.

    Parameters
    ----------
    kind
        The connector's name.
    held
        What is set now, as written.

    Raises
    ------
    UnknownConnector
        There is no such kind.
    """
    config = connectors.connector(kind).Config
    own = [name for name in config.model_fields if name not in ConnectorConfig.model_fields]
    found = [
        replace(_setting(config, name, held.get(name)), server=on_server(config, name, held))
        for name in (*own, *ConnectorConfig.model_fields)
    ]
    return sorted(found, key=lambda one: not one.required)


def _setting(config: type[ConnectorConfig], name: str, held: object) -> Setting:
    declared = config.model_fields[name]
    about = declared.description or name
    if is_secret(config, name):
        return Setting(name, about, Shape.HIDDEN, declared.is_required(), "",
                       kept=held is not None)  # fmt: skip
    default = (
        "" if declared.is_required() else _told(declared.get_default(call_default_factory=True))
    )
    choices = _choices(declared.annotation)
    shape = Shape.CHOICE if choices else _shape(declared.annotation)
    return Setting(name, about, shape, declared.is_required(), _told(held), default, choices)


def _choices(annotation: object) -> tuple[str, ...]:
    if annotation is bool:
        return "true", "false"
    if get_origin(annotation) is Literal:
        return tuple(str(one) for one in get_args(annotation))
    return ()


def _shape(annotation: object) -> Shape:
    return {dict: Shape.PAIRS, tuple: Shape.LIST}.get(get_origin(annotation), Shape.LINE)  # type: ignore[arg-type]


def _told(value: object) -> str:
    """Return a value the way that a form writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={word}" for name, word in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def values_of(kind: str, given: Mapping[str, str], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a form's words say, to be checked like those of a file.

    Parameters
    ----------
    kind
        The connector's name.
    given
        Words by setting; nothing written means the default. What is set on the server alone
        stays as it is held.
    held
        What is set now.

    Returns
    -------
    dict
        Values by setting; what cannot be read stays as it was written, so that it can be refused.
    """
    config = connectors.connector(kind).Config
    found: dict[str, Any] = {}
    for name, declared in config.model_fields.items():
        words = given.get(name, "").strip()
        if on_server(config, name, held):
            if name in held:
                found[name] = held[name]
        elif words:
            found[name] = _value(declared.annotation, words)
    return found


def _value(annotation: Any, words: str) -> Any:  # noqa: ANN401 - whatever the setting is
    if _shape(annotation) is Shape.LIST:
        return _words(words)
    if _shape(annotation) is Shape.PAIRS:
        pairs = [one.partition("=") for one in _words(words.replace("＝", "="))]
        held = get_args(annotation)[1]
        return {name.strip(): _value(held, word.strip()) for name, _, word in pairs}
    if get_origin(annotation) is Literal:
        return next((one for one in get_args(annotation) if str(one) == words), words)
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if annotation in (str, Path):
        return words
    try:
        return TypeAdapter(annotation).validate_python(words)
    except ValidationError:
        return words


def _words(words: str) -> list[str]:
    return [one.strip() for one in re.split(r"[,，\n]", words) if one.strip()]
