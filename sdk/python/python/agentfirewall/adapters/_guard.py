"""What the adapters have in common: one place that turns answers, failures and nonsense into "run it" or "do not"."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import enum
import os
import uuid
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Protocol, cast

#: The answers that let a call pass.
_PASS = frozenset({"allow", "log", "alert"})


class Firewall(Protocol):
    """What an adapter needs of the firewall: `agentfirewall.Interceptor` has it.

    Two more methods are used if they are there: `acheck`, with the same parameters, by the adapters of asynchronous
    frameworks, and `redact`, which masks the secrets in a text.
    """

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        """Judges one call. The answer has `action` and `reason`."""
        ...


class Refusal(NamedTuple):
    """Why a call is not run, or a result not shown."""

    #: `deny`, `ask`, or `error` where the firewall itself failed.
    action: str
    #: One sentence for the model.
    message: str


class Checked(NamedTuple):
    """A tool's result as the model may see it."""

    #: The result, of the same shape as before. `None` with a refusal.
    value: Any
    #: Whether a secret was masked.
    changed: bool
    #: Set where the result could not be checked and must not be shown.
    refusal: Refusal | None


class Guard:
    """Judges the calls and results of one adapter.

    `call` and `acall` answer `None` for "run it, add nothing". Neither raises an `Exception`: frameworks differ in what
    they do with one, and some go on.
    """

    def __init__(self, firewall: Firewall, redact: Callable[[str], str] | None = None) -> None:
        self._firewall = firewall
        # The interceptor's own knows the detection rules of its policy.
        self._redact: Callable[[str], object] = redact or getattr(firewall, "redact", None) or _redact

    def call(self, tool: object, parameters: object) -> Refusal | None:
        """Judges a call. `None` means: run it."""
        try:
            name, plain = _call(tool, parameters)
            return _verdict(self._firewall.check(name, plain))
        except BaseException as error:
            return _failed(error)

    async def acall(self, tool: object, parameters: object) -> Refusal | None:
        """Judges a call without holding up the event loop. `None` means: run it."""
        acheck = getattr(self._firewall, "acheck", None)
        if acheck is None or not _on_asyncio():
            return self.call(tool, parameters)
        try:
            name, plain = _call(tool, parameters)
            return _verdict(await acheck(name, plain))
        except BaseException as error:
            return _failed(error)

    def result(self, value: object) -> Checked:
        """Masks the secrets in what a tool gave back."""
        try:
            masked = _mask(value, self._redact)
        except BaseException as error:
            refusal = _failed(error)
            message = (
                f"agentfirewall could not check the result of this call, so it is withheld: {_kind(error)}"
            )
            return Checked(None, True, refusal._replace(message=message))
        return Checked(masked, masked is not value, None)


def unreadable(what: str) -> Refusal:
    """A call that cannot be judged because the framework handed over something unexpected."""
    return Refusal("error", f"agentfirewall could not judge this call, so it was not run: {what}")


def _verdict(decision: object) -> Refusal | None:
    action = getattr(decision, "action", None)
    action = getattr(action, "value", action)
    if isinstance(action, str):
        if action in _PASS:
            return None
        reason = getattr(decision, "reason", None)
        if not isinstance(reason, str) or not reason.strip():
            reason = "no reason was given"
        if action == "deny":
            return Refusal("deny", f"agentfirewall denied this call, so it was not run: {reason}")
        if action == "ask":
            return Refusal(
                "ask", f"agentfirewall wants a person to approve this call, so it was not run: {reason}"
            )
    return unreadable("its answer is none of allow, log, alert, ask and deny")


def _failed(error: BaseException) -> Refusal:
    # A panic of the extension is no `Exception`; to be cancelled or interrupted is no failure.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise error
    return unreadable(_kind(error))


def _kind(error: BaseException) -> str:
    # The kind alone: the text of an exception may hold what the call held.
    if isinstance(error, Unreadable):
        return str(error)
    return f"{type(error).__name__} in the firewall"


class Unreadable(TypeError):
    """A call without a name, or with parameters that are not data. The text names types, never values."""


def _call(tool: object, parameters: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(tool, str) or not tool:
        raise Unreadable("the call has no tool name")
    if not isinstance(parameters, Mapping):
        raise Unreadable("the parameters are no object")
    return tool, {
        _key(key): _plain(value) for key, value in cast("Mapping[object, object]", parameters).items()
    }


def _key(key: object) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, (str, int, float, bool)):
        return str(key)
    raise Unreadable(f"a parameter's name is a {type(key).__name__}")


def _plain(value: object) -> Any:
    """A parameter as JSON has it. What would not be shown whole is an error, not a text that hides it."""
    if value is None or (isinstance(value, (bool, int, float)) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, str):
        # The text itself, whatever a class made of it would say.
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, os.PathLike):
        return _plain(os.fspath(cast("os.PathLike[str]", value)))
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return _plain(dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise Unreadable(f"a parameter is a {type(value).__name__}")


def _mask(value: object, redact: Callable[[str], object]) -> object:
    """The value with secrets masked; the very same object where there are none."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        source = cast("dict[object, object]", value)
        items = [(_mask(key, redact), _mask(item, redact)) for key, item in source.items()]
        same = all(new[0] is old[0] and new[1] is old[1] for new, old in zip(items, source.items()))
        return source if same else dict(items)
    if isinstance(value, (list, tuple)):
        old_items = cast("list[object]", value)
        new_items = [_mask(item, redact) for item in old_items]
        if all(new is old for new, old in zip(new_items, old_items)):
            return old_items
        return new_items if isinstance(value, list) else tuple(new_items)
    # The frameworks show the model any other object as its text.
    text = str(value)
    masked = redact(text)
    if not isinstance(masked, str):
        raise Unreadable("the masking gave back no text")
    return value if masked == text else masked


def _redact(text: str) -> str:
    from agentfirewall import redact

    return redact(text)


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
