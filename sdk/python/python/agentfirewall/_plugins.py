"""Detectors, matchers and sinks that are Python functions.

A plugin runs on a thread of its own and has a deadline. One that raises, that does not answer in time or whose answer makes
no sense denies the call: a text nobody looked at is no clean text. Plugins take part in every interceptor that is made after
them.
"""

from __future__ import annotations

from agentfirewall import _native
from agentfirewall._errors import PluginError
from agentfirewall.schemas import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Callable, TypeVar, Union

    Place = Union["tuple[int, int]", "Span"]
    Detector = TypeVar("Detector", bound=Callable[[str], Iterable[Place]])
    Matcher = TypeVar("Matcher", bound=Callable[["Subject", dict[str, Any]], bool])
    Sink = TypeVar("Sink", bound=Callable[[dict[str, Any], dict[str, Any]], object])

__all__ = ["Span", "Subject", "detector", "matcher", "sink"]

#: How long a plugin may take, in seconds, unless it says otherwise.
TIMEOUT = 1.0


class Span(Model):
    """The place of a secret in a text, in characters; how sure and how bad, where that differs from the detector's usual."""

    __slots__ = ("start", "end", "confidence", "severity")
    model_fields = __slots__

    start: int
    end: int
    #: `low`, `medium` or `high`; only `high` denies a call.
    confidence: str | None
    #: `info`, `low`, `medium`, `high` or `critical`.
    severity: str | None

    def __init__(
        self, start: int, end: int, confidence: str | None = None, severity: str | None = None
    ) -> None:
        self._set(start=start, end=end, confidence=confidence, severity=severity)


class Subject(Model):
    """One text under judgement, and the call it comes from. A matcher is shown every spelling of every part of a call."""

    __slots__ = ("tool", "kind", "text", "access", "parameters", "session", "agent", "project")
    model_fields = __slots__

    tool: str
    #: `call`, `command`, `script`, `path`, `host`, `effect`.
    kind: str
    text: str
    #: `read`, `write`, `delete`, `execute`; `unknown` for what is no path.
    access: str
    parameters: Mapping[str, Any]
    session: str
    agent: str
    project: str

    def __init__(
        self,
        tool: str,
        kind: str,
        text: str,
        access: str = "unknown",
        parameters: Mapping[str, Any] | None = None,
        session: str = "",
        agent: str = "",
        project: str = "",
    ) -> None:
        self._set(
            tool=tool,
            kind=kind,
            text=text,
            access=access,
            parameters=parameters or {},
            session=session,
            agent=agent,
            project=project,
        )


def detector(
    id: str,
    *,
    keywords: Sequence[str] = (),
    confidence: str = "high",
    severity: str = "high",
    timeout: float = TIMEOUT,
) -> Callable[[Detector], Detector]:
    """Registers a function that finds secrets of one kind.

    It is called with a text and gives back the places of the secrets, in characters: pairs of numbers or `Span`s. With
    `keywords` it is called only for texts in which one of them stands (without regard to the case of letters)::

        @agentfirewall.detector("acme-token", keywords=["acme_"])
        def acme(text):
            return [match.span() for match in re.finditer("acme_[0-9]{8}", text)]
    """
    _text_list(keywords)

    def register(function: Detector) -> Detector:
        _register("detector", id, list(keywords), function, timeout, confidence, severity)
        return function

    return register


def matcher(id: str, *, timeout: float = TIMEOUT) -> Callable[[Matcher], Matcher]:
    """Registers a function that says whether a condition of a rule holds.

    It is called with a `Subject` and what the policy has for it under `match:`, and answers `True` or `False`.
    """

    def register(function: Matcher) -> Matcher:
        _register("matcher", id, [], function, timeout, "high", "high")
        return function

    return register


def sink(id: str, *, timeout: float = 10.0) -> Callable[[Sink], Sink]:
    """Registers a function that is told of records of the audit log.

    A policy names it under `sinks:`. It is called with the record and what the policy has for it, after the answer and on
    another thread. One that raises is called again later: every record comes at least once.
    """

    def register(function: Sink) -> Sink:
        _register("sink", id, [], function, timeout, "high", "high")
        return function

    return register


def _text_list(keywords: Sequence[str]) -> None:
    if isinstance(keywords, str) or not all(isinstance(word, str) and len(word) > 1 for word in keywords):
        raise PluginError("`keywords` is a list of texts of at least two characters")


def _register(
    kind: str,
    id: str,
    keywords: list[str],
    function: Callable[..., object],
    timeout: float,
    confidence: str,
    severity: str,
) -> None:
    plain = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    if not isinstance(id, str) or not id or not set(id) <= plain:
        raise PluginError(f"the id of a {kind} is made of small letters, digits and `-`")
    if not callable(function):
        raise PluginError(f"a {kind} is a function")
    code = getattr(function, "__code__", None)
    if code is not None and code.co_flags & 0x80:
        raise PluginError(f"a {kind} is an ordinary function, not an `async` one")
    try:
        _native.register(kind, id, keywords, function, float(timeout), confidence, severity)
    except ValueError as error:
        raise PluginError(str(error)) from None


def run_plugin(
    function: Callable[..., Any], arguments: tuple[Any, ...], call: _native.Call, listed: bool
) -> None:
    """Calls a plugin, on a thread that the extension started. Nothing of it may be left without an answer."""
    call.works(True)
    try:
        result = function(*arguments)
        call.answer(list(result) if listed and result is not None else result)
    except BaseException as error:
        call.failed(type(error).__name__, _said(error))
    finally:
        call.works(False)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return ""
