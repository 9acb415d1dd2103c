"""Dataclasses out of stored JSON: each member of the type that its field says, or the record is refused by its name.

A record that was overwritten, or that another tool wrote, else becomes an object whose fields lie about their types,
and the work that goes on from it fails somewhere else, in words that nobody understands.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["record_of"]

T = TypeVar("T")

Reader = Callable[[Any, str], Any]
"""Takes a value and where it stands, and returns it as the field has it; raises ``ValueError``."""

_NAMES = {str: "a text", bool: "true or false", int: "an integer", float: "a number", type(None): "null"}


def record_of(kind: type[T], document: object, *, closed: bool = False) -> T:
    """Return a dataclass made of a JSON object, with dataclasses, lists and maps inside it made likewise.

    Parameters
    ----------
    closed
        Whether members that the dataclass does not have are refused. Else, and in all records inside it, they are
        passed over: a newer version may have written more.

    Raises
    ------
    ValueError
        A member is missing, of another type, or unknown. The message names it.

    Example
    -------
    >>> @dataclass
    ... class Window:
    ...     start: str
    ...     files: list[int]
    >>> record_of(Window, {"start": "2026-01-31T00:00:00Z", "files": [1, 2]})
    Window(start='2026-01-31T00:00:00Z', files=[1, 2])
    """
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is no dataclass")
    read = _dataclass(kind, closed=closed)
    made: T = read(document, "it")
    return made


@cache
def _reader(hint: Any) -> Reader:
    origin, inner = get_origin(hint), [one for one in get_args(hint) if one not in {..., types.NoneType}]
    reader: Reader
    if hint is Any:
        reader = _as_it_is
    elif hint in _NAMES:
        reader = _scalar(hint)
    elif origin in {Union, types.UnionType} and len(inner) == 1:
        reader = _optional(_reader(inner[0]))
    elif origin is list or (origin is tuple and ... in get_args(hint)):
        reader = _array(origin, _reader(inner[0]))
    elif origin is tuple:
        reader = _row([_reader(one) for one in inner])
    elif origin in {dict, Mapping}:
        reader = _object(_reader(inner[1]))
    elif isinstance(hint, type) and is_dataclass(hint):
        reader = _dataclass(hint, closed=False)
    else:
        raise TypeError(f"no record can have a field of the type {hint}")
    return reader


def _as_it_is(value: Any, _where: str) -> Any:
    return value


def _scalar(kind: type) -> Reader:
    taken = {int, float} if kind is float else {kind}

    def read(value: Any, where: str) -> Any:
        if type(value) not in taken:
            raise ValueError(f"{where} must be {_NAMES[kind]}")
        return value

    return read


def _optional(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        return None if value is None else reader(value, where)

    return read


def _array(made: Callable[[list[Any]], Any], reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if type(value) not in {list, tuple}:
            raise ValueError(f"{where} must be an array")
        return made([reader(one, where) for one in value])

    return read


def _row(readers: list[Reader]) -> Reader:
    def read(value: Any, where: str) -> Any:
        if type(value) not in {list, tuple} or len(value) != len(readers):
            raise ValueError(f"{where} must be an array of {len(readers)}")
        return tuple(reader(one, where) for reader, one in zip(readers, value, strict=True))

    return read


def _object(reader: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        if type(value) is not dict:
            raise ValueError(f"{where} must be an object")
        return {name: reader(one, where) for name, one in value.items()}

    return read


@cache
def _dataclass(kind: Any, *, closed: bool) -> Reader:
    hints = get_type_hints(kind)
    known = {one.name: _reader(hints[one.name]) for one in fields(kind) if one.init}
    needed = [
        one.name for one in fields(kind) if one.init and one.default is MISSING and one.default_factory is MISSING
    ]

    def read(value: Any, where: str) -> Any:
        if type(value) is not dict:
            raise ValueError(f"{where} must be an object")
        for name in needed:
            if name not in value:
                raise ValueError(f"{where} lacks '{name}'")
        if closed and not value.keys() <= known.keys():
            raise ValueError(f"{where} has the unknown member '{min(value.keys() - known.keys())[:80]}'")
        return kind(**{name: read_one(value[name], f"'{name}'") for name, read_one in known.items() if name in value})

    return read
