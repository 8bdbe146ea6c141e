"""Values that JSON does not have, as JSON. Called by the extension for what it does not know itself."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def plain(given: object) -> Any:
    """The value as something that JSON has, one level deep; the value itself where nothing better is known than its text."""
    kind, value = type(given), _any(given)
    if issubclass(kind, (bytearray, memoryview)):
        return bytes(value)
    if hasattr(kind, "__fspath__"):
        return _any(os.fspath(_any(given)))  # pyright: ignore[reportUnknownArgumentType]
    if issubclass(kind, type):
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    from collections.abc import Mapping, Sequence, Set

    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (Sequence, Set)):
        return list(value)
    return value


def _any(value: object) -> Any:
    return value
