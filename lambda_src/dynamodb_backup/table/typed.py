"""Items as JSON has them (binary as base64 text) and as boto3 has them (binary as bytes).

By type tag, recursively, and never by attribute name: attributes may be named ``B``, ``M`` or ``Item``.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

__all__ = ["for_boto3", "from_boto3"]

Item = dict[str, Any]


def for_boto3(item: Mapping[str, Any]) -> Item:
    """Return an item, as JSON has it, as boto3 takes it."""
    return {name: _decoded(value) for name, value in item.items()}


def from_boto3(item: Mapping[str, Any]) -> Item:
    """Return an item, as boto3 answers it, as JSON has it."""
    return {name: _encoded(value) for name, value in item.items()}


def _decoded(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "B":
        return {kind: b64decode(value)}
    if kind == "BS":
        return {kind: [b64decode(one) for one in value]}
    if kind == "L":
        return {kind: [_decoded(one) for one in value]}
    return {kind: for_boto3(value)} if kind == "M" else {kind: value}


def _encoded(typed: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "B":
        return {kind: b64encode(value).decode("ascii")}
    if kind == "BS":
        return {kind: [b64encode(one).decode("ascii") for one in value]}
    if kind == "L":
        return {kind: [_encoded(one) for one in value]}
    return {kind: from_boto3(value)} if kind == "M" else {kind: value}
