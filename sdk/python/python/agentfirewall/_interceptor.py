"""The interceptor: calls in, decisions out."""

from __future__ import annotations

import os

from agentfirewall import _native
from agentfirewall._errors import FirewallError, PolicyViolationError
from agentfirewall.schemas import (
    Policy,
    PolicyAction,
    PolicyDecision,
    PolicyRule,
    RuleRef,
    Violation,
    severity_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable, TypeVar, Union

    from agentfirewall._audit import AuditLog, AuditLogger

    Function = TypeVar("Function", bound=Callable[..., Any])
    StrPath = Union[str, os.PathLike[str]]

__all__ = ["Interceptor", "redact", "scan_path", "scan_text"]

_DEFAULT_LOG = ".agentfirewall/audit.jsonl"
_HERE = os.path.dirname(os.path.abspath(__file__))
_ACTIONS = {action.value: action for action in PolicyAction}
#: Rules that are no rules of a policy.
_NO_RULES = frozenset({"default_action", "secrets", "plugins", "failure", "none"})


class Interceptor:
    """Judges calls by a policy, and records every answer.

    Made once and used for every call, from any number of threads and forked processes::

        interceptor = Interceptor(policy_path=".agentfirewall/policy.yaml")
        decision = interceptor.check("Bash", {"command": "rm -rf /"})

    `policy_path` or `policy` is the only policy then. Without both, the policies of the administrator, the user and the
    project apply, as they do for the program's hook: see `from_layers`.

    `log_path` is the audit log, `.agentfirewall/audit.jsonl` in the working folder unless it is said otherwise; `None`
    records nothing. `webhook_url` is told of what was denied or reported, in the words of Slack or Discord.

    A policy's `ask` needs a person. Where the program cannot put a question to one, and that is the default, it becomes what
    the policy says for that case, usually `deny`; with `asks=True` the decision is `ask`, and the program must not run the
    call before somebody has agreed.
    """

    def __init__(
        self,
        policy_path: StrPath | None = None,
        policy: Policy | None = None,
        log_path: StrPath | None = _DEFAULT_LOG,
        webhook_url: str | None = None,
        *,
        project: StrPath | None = None,
        session_id: str = "",
        agent: str = "python",
        asks: bool = False,
    ) -> None:
        settings: dict[str, Any] = {
            "project": None if project is None else os.fspath(project),
            "session": session_id,
            "agent": agent,
            "asks": asks,
            "own": [_HERE],
        }
        log = None if log_path is None else os.path.abspath(log_path)
        if policy is not None:
            text = _text_of(Policy.model_validate(policy))
            self._native = _native.Firewall.from_text(text, log, settings)
        elif policy_path is not None:
            file = os.path.abspath(policy_path)
            if not os.path.exists(file):
                raise FileNotFoundError(f"Policy file not found: {os.fspath(policy_path)}")
            self._native = _native.Firewall.from_file(file, log, settings)
        else:
            # The project's own log, as the hook has it, unless another one was asked for.
            usual = log_path == _DEFAULT_LOG
            self._native = _native.Firewall.from_layers(None if usual else log, usual, settings)
        self._policy = policy
        self._policy_path = None if policy_path is None else os.path.abspath(policy_path)
        self._rules: dict[str, PolicyRule] | None = None
        self._check = self._native.check
        self._errand: _Errand | None = None
        if webhook_url is not None or self._native.has_sinks:
            self._errand = _Errand(self._native, webhook_url)

    @classmethod
    def from_layers(
        cls,
        project: StrPath | None = None,
        *,
        log_path: StrPath | None = _DEFAULT_LOG,
        webhook_url: str | None = None,
        session_id: str = "",
        agent: str = "python",
        asks: bool = False,
    ) -> Interceptor:
        """The policies of the administrator, the user and the project, as for the program's hook.

        The project is that of the working folder unless it is given. Without any policy the built-in one applies.
        """
        return cls(
            None,
            None,
            log_path,
            webhook_url,
            project=project,
            session_id=session_id,
            agent=agent,
            asks=asks,
        )

    def __repr__(self) -> str:
        policy = self._policy_path or ("<a Policy>" if self._policy is not None else "<layers>")
        return f"Interceptor(policy={policy!r}, log={self._native.log!r})"

    def check(self, tool_name: str, parameters: dict[str, Any] | None = None) -> PolicyDecision:
        """Judges a call and records the answer. Never raises: what cannot be judged is denied."""
        try:
            answer = self._check(tool_name, parameters)
        except BaseException as error:
            # A panic of the extension is no `Exception`; to be interrupted is no failure of the firewall.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            return _refusal(error)
        if self._errand is not None:
            self._errand.after(answer, tool_name)
        # Setting a slot through its descriptor passes by `__setattr__`, which refuses.
        decision = _new_decision(_Answered)
        _set_action(decision, _ACTIONS[answer.action])
        _set_answer(decision, answer)
        _set_interceptor(decision, self)
        return decision

    async def acheck(self, tool_name: str, parameters: dict[str, Any] | None = None) -> PolicyDecision:
        """As `check`, without holding up the event loop: a record may have to wait for the disk."""
        import asyncio

        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, self.check, tool_name, parameters)
        except Exception as error:
            return _refusal(error)

    def check_or_raise(self, tool_name: str, parameters: dict[str, Any] | None = None) -> PolicyDecision:
        """As `check`, and raises `PolicyViolationError` for a call that must not run: `deny`, and `ask` too."""
        decision = self.check(tool_name, parameters)
        if not decision.allowed:
            raise PolicyViolationError(decision)
        return decision

    async def acheck_or_raise(
        self, tool_name: str, parameters: dict[str, Any] | None = None
    ) -> PolicyDecision:
        """As `check_or_raise`, without holding up the event loop."""
        decision = await self.acheck(tool_name, parameters)
        if not decision.allowed:
            raise PolicyViolationError(decision)
        return decision

    def wrap(self, tool_name: str) -> Callable[[Function], Function]:
        """A decorator: the function runs only if the policy lets the call pass.

        The parameters that are judged are the function's arguments by their names, whether they are given by name or by
        place; those of `*args` are a list, those of `**kwargs` stand beside the others. Works for `async` functions too.
        """
        import functools
        import inspect

        def decorate(function: Function) -> Function:
            signature = inspect.signature(function)

            def bound(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
                arguments = signature.bind(*args, **kwargs)
                arguments.apply_defaults()
                named: dict[str, Any] = {}
                for name, value in arguments.arguments.items():
                    if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                        for key, item in value.items():
                            # A name that is taken already is still looked at.
                            named[key if key not in signature.parameters else f"{name}.{key}"] = item
                    else:
                        named[name] = value
                return named

            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def awaiting(*args: Any, **kwargs: Any) -> Any:
                    await self.acheck_or_raise(tool_name, bound(args, kwargs))
                    return await function(*args, **kwargs)

                return awaiting  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

            @functools.wraps(function)
            def calling(*args: Any, **kwargs: Any) -> Any:
                self.check_or_raise(tool_name, bound(args, kwargs))
                return function(*args, **kwargs)

            return calling  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

        return decorate

    def explain(self, tool_name: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Why a call is decided as it is: what was understood of it, and which rule said what. Nothing is recorded."""
        import json

        explained: dict[str, Any] = json.loads(self._native.explain(tool_name, parameters))
        return explained

    def redact(self, text: str) -> str:
        """The text with tags in the place of its secrets."""
        return self._native.redact(text)

    def scan_text(self, text: str, source: str = "<inline>") -> list[Violation]:
        """The secrets in a text."""
        return _violations(self._native.scan_text(text), source)

    def scan_value(self, value: object, source: str = "<params>") -> list[Violation]:
        """The secrets in every text of a value; `source` is followed by the place as a JSON pointer."""
        return [
            violation
            for found in self._native.scan_value(value)
            for violation in _violations([found], source + found[1])
        ]

    @property
    def audit_log(self) -> AuditLog:
        """The log, for reading."""
        from agentfirewall._audit import AuditLog

        return AuditLog(self._log())

    @property
    def audit_logger(self) -> AuditLogger:
        """The log, in the original's words."""
        from agentfirewall._audit import AuditLogger

        return AuditLogger(self._log())

    def _log(self) -> str:
        if self._native.log is None:
            raise FirewallError("this interceptor was made without a log")
        return self._native.log

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits until the sinks and the webhook have been told of everything. Whether that was so in time."""
        return self._errand is None or self._errand.flush(timeout)

    def _rule(self, layer: str, name: str, action: PolicyAction, reason: str) -> PolicyRule | None:
        if layer not in ("user", "project", "managed", "default") or name in _NO_RULES:
            return None
        if self._rules is None:
            rules: Iterable[PolicyRule] = ()
            if self._policy is not None:
                rules = self._policy.rules
            elif self._policy_path is not None:
                rules = load_policy(self._policy_path).rules
            self._rules = {rule.name: rule for rule in reversed(list(rules)) if rule.name}
        return self._rules.get(name) or PolicyRule(name=name, action=action, reason=reason)


class _Answered(PolicyDecision):
    """A decision whose members, but for the action, are made when somebody asks for them."""

    __slots__ = ("_answer", "_interceptor")

    _answer: _native.Answer
    _interceptor: Interceptor

    def __getattr__(self, name: str) -> Any:
        # Called for members that are not set yet. What is set stays, so that a decision does not change.
        answer = self._answer
        value: object
        if name == "rule":
            value = RuleRef(answer.layer, answer.rule, answer.line)
        elif name == "matched_rule":
            value = self._interceptor._rule(answer.layer, answer.rule, self.action, self.reason)
        elif name == "violations":
            value = [violation for found in answer.findings for violation in _violations([found], found[1])]
        elif name == "would":
            value = None if answer.would is None else _ACTIONS[answer.would]
        elif name in ("reason", "part", "suggestion", "plugins", "plugin_failures"):
            value = getattr(answer, name)
        else:
            raise AttributeError(f"a PolicyDecision has no member `{name}`")
        object.__setattr__(self, name, value)
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PolicyDecision):
            return NotImplemented
        return all(value == getattr(other, name) for name, value in self._members())

    __hash__ = PolicyDecision.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remade, (dict(self._members()),))

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Any:
        members: dict[str, Any] = dict(self._members())
        members.update(update or {})
        return PolicyDecision(**members)


def _remade(members: dict[str, Any]) -> PolicyDecision:
    return PolicyDecision(**members)


_Answered.__name__ = _Answered.__qualname__ = "PolicyDecision"
_new_decision = _Answered.__new__
_set_action = vars(PolicyDecision)["action"].__set__
_set_answer = vars(_Answered)["_answer"].__set__
_set_interceptor = vars(_Answered)["_interceptor"].__set__


def _refusal(error: BaseException) -> PolicyDecision:
    # The text of an exception may hold what the call held.
    text = str(error) if isinstance(error, (ValueError, FirewallError)) and "\n" not in str(error) else ""
    if not text.startswith(("the parameters", "the value is nested")):
        text = type(error).__name__
    return PolicyDecision(
        PolicyAction.DENY,
        reason=f"the firewall cannot judge this call: {text}",
        rule=RuleRef("firewall", "failure"),
    )


def _violations(found: Iterable[_native._Finding], source: str) -> list[Violation]:
    return [
        Violation(
            rule_id=detector,
            severity=severity_of(severity),
            message=f"a secret ({detector})",
            source=source,
            line_number=line,
            confidence=confidence,
            start=start,
            end=end,
        )
        for detector, _, severity, confidence, start, end, line in found
    ]


class _Errand:
    """Tells the sinks and the webhook, after the answer and on a thread of its own."""

    def __init__(self, native: _native.Firewall, webhook_url: str | None) -> None:
        import queue
        import threading

        self._native = native
        self._alerter: Any = None
        if webhook_url is not None:
            from agentfirewall._alerts import create_alerter

            self._alerter = create_alerter(webhook_url)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._open = 0
        self._process = 0
        self._lock = threading.Lock()

    def after(self, answer: _native.Answer, tool: str) -> None:
        """Leaves an errand for the thread. A decision does not hang on it: what is not told now stands in the log."""
        try:
            event = None
            if self._alerter is not None and answer.action in ("deny", "alert"):
                from agentfirewall._alerts import event_of

                event = event_of(answer, tool)
            if (event is None and not answer.wanted) or not self._start():
                return
            with self._idle:
                self._open += 1
            self._queue.put((event, answer.wanted))
        except Exception:
            return

    def _start(self) -> bool:
        if self._process == os.getpid():
            return True
        import queue
        import threading

        # In a forked process another thread may have had the lock, which nobody gives back then.
        if not self._lock.acquire(timeout=5):
            return False
        try:
            if self._process != os.getpid():
                # A forked process has no threads but one.
                self._queue, self._open, self._idle = queue.SimpleQueue(), 0, threading.Condition()
                threading.Thread(target=self._work, name="agentfirewall", daemon=True).start()
                self._process = os.getpid()
        finally:
            self._lock.release()
        return True

    def _work(self) -> None:
        while True:
            event, deliver = self._queue.get()
            try:
                if event is not None:
                    self._alerter.send(event)
                if deliver:
                    self._native.deliver()
            except Exception:
                # The log has it; a sink gets it with the next delivery.
                pass
            with self._idle:
                self._open -= 1
                self._idle.notify_all()

    def flush(self, timeout: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: self._open <= 0, timeout)


def _text_of(policy: Policy) -> str:
    """A policy as the text of a file. What is empty is left out: a rule without patterns is about everything, as in a file."""
    import json

    members = policy.model_dump(mode="json")
    members["rules"] = [
        {name: value for name, value in rule.items() if value not in ("", [])} for rule in members["rules"]
    ]
    return json.dumps(members, ensure_ascii=False)


def load_policy(path: StrPath) -> Policy:
    """Reads a policy's file. Raises `FileNotFoundError`, or `PolicyError` (a `ValueError`) with every problem."""
    file = os.path.abspath(path)
    if not os.path.exists(file):
        raise FileNotFoundError(f"Policy file not found: {os.fspath(path)}")
    with open(file, encoding="utf-8-sig") as opened:
        return policy_from_text(opened.read(), file)


def policy_from_text(text: str, file: str = "<text>") -> Policy:
    """Reads a policy's text."""
    import json

    return Policy.model_validate(json.loads(_native.policy_of(text, file)))


#: The interceptor of the functions below, and the plugins it was made with.
_plain: tuple[int, Interceptor] | None = None


def _usual() -> Interceptor:
    """Every detector with its defaults, and no log."""
    global _plain
    now = _native.generation()
    if _plain is None or _plain[0] != now:
        _plain = (now, Interceptor(policy=Policy(), log_path=None))
    return _plain[1]


def redact(text: str) -> str:
    """The text with tags in the place of its secrets, found by every detector with its defaults."""
    return _usual().redact(text)


def scan_text(text: str, source: str = "<inline>") -> list[Violation]:
    """The secrets in a text, found by every detector with its defaults."""
    return _usual().scan_text(text, source)


def scan_value(value: object, source: str = "<params>") -> list[Violation]:
    """The secrets in every text of a value, found by every detector with its defaults."""
    return _usual().scan_value(value, source)


def scan_path(path: StrPath, *options: str) -> list[Violation]:
    """The secrets in a file or in all files of a folder, found by the program's `scan`, which reads archives too.

    `options` are options of `agentfirewall scan`. Plugins written in Python take no part.
    """
    import json
    import subprocess

    from agentfirewall._program import executable

    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no `{os.fspath(path)}`")
    command = [executable(), "scan", "--format", "json", *options, "--", os.fspath(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    try:
        report = json.loads(done.stdout)
        findings = report["findings"]
    except (ValueError, KeyError, TypeError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FirewallError(said[0] if said else f"`scan` ended with code {done.returncode}") from None
    return [
        Violation(
            rule_id=finding["detector"],
            severity=severity_of(finding["severity"]),
            message=f"a secret ({finding['detector']})",
            source=finding["path"],
            line_number=finding["line"],
            confidence=finding["confidence"],
        )
        for finding in findings
    ]


os.register_at_fork(
    before=_native.before_fork,
    after_in_parent=_native.after_fork,
    after_in_child=_native.after_fork_in_child,
)
