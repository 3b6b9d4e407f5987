"""Interfaces to meters and systems, one file each, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from data.connectors.base import ENTRY_POINTS, Connector

# Ours are a table of the same form as an entry point, because the product runs uninstalled too.
BUILT_IN: Mapping[str, str] = {
    "drop_folder": "data.connectors.drop_folder:DropFolder",
    "modbus_tcp": "data.connectors.modbus:ModbusTcp",
    "modbus_rtu": "data.connectors.modbus:ModbusRtu",
}


class UnknownConnector(Exception):
    """No connector has this name, or its package cannot be loaded."""


def names() -> tuple[str, ...]:
    """Return the kinds of interfaces there are, ours first, then those of other packages."""
    others = {found.name for found in entry_points(group=ENTRY_POINTS)}
    return (*BUILT_IN, *sorted(others - set(BUILT_IN)))


def connector(kind: str) -> type[Connector]:
    """Return the class of a kind of interface; a package of others cannot replace one of ours.

    Raises
    ------
    UnknownConnector
        There is none of this name, or it cannot be loaded.
    """
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        return cast(type[Connector], getattr(import_module(module), name))
    for found in entry_points(group=ENTRY_POINTS, name=kind):
        try:
            return cast(type[Connector], found.load())
        except Exception as error:  # a package of others may fail in any way
            raise UnknownConnector(f"{kind}: {error}") from error
    raise UnknownConnector(kind)
