"""The types of policies, decisions and records. All of them are immutable, and none of them holds a secret.

They have the names and members of the Python original's `agentsec_core.schemas`, and the few methods of its models that
programs use (`model_dump`, `model_dump_json`, `model_copy`, `model_validate`), without its dependencies.
"""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, ClassVar

    from typing_extensions import Self

__all__ = [
    "AuditEvent",
    "Policy",
    "PolicyAction",
    "PolicyDecision",
    "PolicyRule",
    "RuleRef",
    "Severity",
    "Violation",
]


class Severity(str, Enum):
    """How bad a violation is, in the original's four steps."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class PolicyAction(str, Enum):
    """What a policy answers to a call. `ASK` did not exist in the original."""

    ALLOW = "allow"
    DENY = "deny"
    LOG = "log"
    ALERT = "alert"
    ASK = "ask"


#: What a stored word of a detector's severity is called here.
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.ERROR,
    "error": Severity.ERROR,
    "medium": Severity.WARNING,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "low": Severity.INFO,
    "info": Severity.INFO,
}


def severity_of(word: str) -> Severity:
    """The severity that a detector's word stands for; the highest for a word nobody knows."""
    return _SEVERITIES.get(word.lower(), Severity.CRITICAL)


class Model:
    """What all types here have in common: values that cannot be changed, compared by their members."""

    __slots__ = ()
    #: The members, in the order in which they are shown.
    model_fields: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable: `{name}` cannot be removed")

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name in self.model_fields:
            yield name, getattr(self, name)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Model):
            return NotImplemented
        return all(value == getattr(other, name) for name, value in self._members())

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self)))

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in self._members())
        return f"{type(self).__name__}({members})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), dict(self._members())))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The members as a `dict`; with `mode="json"` of nothing but what JSON has."""
        kept = None if include is None else set(include)
        left_out = set(exclude or ())
        return {
            name: _dumped(value, mode == "json")
            for name, value in self._members()
            if (kept is None or name in kept)
            and name not in left_out
            and not (exclude_none and value is None)
        }

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """The members as JSON."""
        import json

        separators = (",", ":") if indent is None else None
        return json.dumps(
            self.model_dump(mode="json"), indent=indent, separators=separators, ensure_ascii=False
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """The same with other values for some members."""
        return type(self)(**{**dict(self._members()), **(update or {})})

    @classmethod
    def model_validate(cls, obj: object) -> Self:
        """Makes one of a mapping of its members."""
        if isinstance(obj, cls):
            return obj
        if not hasattr(obj, "keys"):
            raise ValueError(f"a {cls.__name__} is made of a mapping, not of a {type(obj).__name__}")
        members: dict[str, Any] = dict(obj)  # type: ignore[call-overload]  # pyright: ignore
        try:
            return cls(**members)
        except TypeError as error:
            raise ValueError(str(error)) from None


def _rebuild(kind: type[Model], members: dict[str, Any]) -> Model:
    return kind(**members)


def _dumped(value: Any, json: bool) -> Any:
    kind: type[object] = value.__class__
    if issubclass(kind, Model):
        return value.model_dump(mode="json" if json else "python")
    if issubclass(kind, Enum):
        return value.value if json else value
    if issubclass(kind, dict):
        return {key: _dumped(item, json) for key, item in value.items()}
    if issubclass(kind, (list, tuple)):
        return [_dumped(item, json) for item in value]
    if json and hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.replace("+00:00", "Z")
    return value


def _now() -> datetime.datetime:
    import datetime

    return datetime.datetime.now(datetime.timezone.utc)


def _moment(value: datetime.datetime | str | None) -> datetime.datetime:
    if value is None:
        return _now()
    if isinstance(value, str):
        import datetime

        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def _models(kind: type[Any], values: Iterable[Any] | None) -> list[Any]:
    return [kind.model_validate(value) for value in values or ()]


def _texts(values: Iterable[str] | None, what: str) -> list[str]:
    if isinstance(values, (str, bytes)):
        raise ValueError(f"`{what}` is a list of texts, not a text")
    texts = list(values or ())
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"`{what}` holds something that is no text")
    return texts


class Violation(Model):
    """A secret that was found. `match_text` is always empty here: the secret itself is nowhere."""

    __slots__ = (
        "rule_id",
        "severity",
        "message",
        "source",
        "line_number",
        "match_text",
        "timestamp",
        "confidence",
        "start",
        "end",
    )
    model_fields = __slots__

    #: The detector.
    rule_id: str
    severity: Severity
    message: str
    #: Where: a JSON pointer in the parameters, or the file or name that was scanned.
    source: str
    #: The line in a text, from 1; 0 where there are no lines.
    line_number: int
    match_text: str
    timestamp: datetime.datetime
    #: `low`, `medium` or `high`; only `high` denies a call.
    confidence: str
    #: The place in the text, in characters. Both are 0 where it is not known.
    start: int
    end: int

    def __init__(
        self,
        rule_id: str,
        severity: Severity | str,
        message: str,
        source: str = "",
        line_number: int = 0,
        match_text: str = "",
        timestamp: datetime.datetime | str | None = None,
        confidence: str = "high",
        start: int = 0,
        end: int = 0,
    ) -> None:
        self._set(
            rule_id=rule_id,
            severity=Severity(severity),
            message=message,
            source=source,
            line_number=line_number,
            match_text=match_text,
            timestamp=_moment(timestamp),
            confidence=confidence,
            start=start,
            end=end,
        )


class PolicyRule(Model):
    """A rule of a policy, as far as the original knew rules."""

    __slots__ = ("name", "tools", "resources", "action", "reason")
    model_fields = __slots__

    name: str
    tools: list[str]
    resources: list[str]
    action: PolicyAction
    reason: str

    def __init__(
        self,
        name: str = "",
        tools: Iterable[str] | None = None,
        resources: Iterable[str] | None = None,
        action: PolicyAction | str = PolicyAction.DENY,
        reason: str = "",
    ) -> None:
        self._set(
            name=name,
            tools=_texts(tools, "tools"),
            resources=_texts(resources, "resources"),
            action=PolicyAction(action),
            reason=reason,
        )


class Policy(Model):
    """A policy, as far as the original knew policies.

    A file can say more than this type has members for. Give an `Interceptor` the file then, not a `Policy`.
    """

    __slots__ = ("version", "name", "description", "default_action", "rules")
    model_fields = __slots__

    version: str
    name: str
    description: str
    default_action: PolicyAction
    rules: list[PolicyRule]

    def __init__(
        self,
        version: str = "1.0",
        name: str = "default",
        description: str = "",
        default_action: PolicyAction | str = PolicyAction.DENY,
        rules: Iterable[PolicyRule | Mapping[str, Any]] | None = None,
    ) -> None:
        self._set(
            version=version,
            name=name,
            description=description,
            default_action=PolicyAction(default_action),
            rules=_models(PolicyRule, rules),
        )


class RuleRef(Model):
    """Where the rule behind a decision stands."""

    __slots__ = ("layer", "name", "line")
    model_fields = __slots__

    #: `managed`, `user`, `project`, `default`, `protection`, or `firewall` where the firewall itself failed.
    layer: str
    name: str
    #: The line in the policy's file, 0 where there is none.
    line: int

    def __init__(self, layer: str = "", name: str = "", line: int = 0) -> None:
        self._set(layer=layer, name=name, line=line)


class PolicyDecision(Model):
    """The answer to one call."""

    __slots__ = (
        "action",
        "matched_rule",
        "violations",
        "reason",
        "rule",
        "part",
        "suggestion",
        "would",
        "plugins",
        "plugin_failures",
    )
    model_fields = __slots__

    action: PolicyAction
    #: The rule, `None` where the default action answered. Its patterns are known if the policy is one file or object.
    matched_rule: PolicyRule | None
    violations: list[Violation]
    #: Why, in one line.
    reason: str
    #: Where the rule stands.
    rule: RuleRef
    #: The part of the call that decided: one command of a script, one path.
    part: str | None
    #: What to do instead, if the policy's author said so.
    suggestion: str | None
    #: What would have happened without monitor mode.
    would: PolicyAction | None
    #: The installed plugins whose code took part.
    plugins: list[str]
    #: The plugins that failed and that the policy goes on without.
    plugin_failures: list[str]

    def __init__(
        self,
        action: PolicyAction | str,
        matched_rule: PolicyRule | Mapping[str, Any] | None = None,
        violations: Iterable[Violation | Mapping[str, Any]] | None = None,
        reason: str = "",
        rule: RuleRef | Mapping[str, Any] | None = None,
        part: str | None = None,
        suggestion: str | None = None,
        would: PolicyAction | str | None = None,
        plugins: Iterable[str] | None = None,
        plugin_failures: Iterable[str] | None = None,
    ) -> None:
        self._set(
            action=PolicyAction(action),
            matched_rule=None if matched_rule is None else PolicyRule.model_validate(matched_rule),
            violations=_models(Violation, violations),
            reason=reason,
            rule=RuleRef() if rule is None else RuleRef.model_validate(rule),
            part=part,
            suggestion=suggestion,
            would=None if would is None else PolicyAction(would),
            plugins=_texts(plugins, "plugins"),
            plugin_failures=_texts(plugin_failures, "plugin_failures"),
        )

    @property
    def allowed(self) -> bool:
        """Whether the call may run: `allow`, `log` and `alert`."""
        return self.action in (PolicyAction.ALLOW, PolicyAction.LOG, PolicyAction.ALERT)


class AuditEvent(Model):
    """A record of the audit log, with the original's members.

    What the log holds beside them (`seq`, `rule`, `reason`, `session_id`, ...) is in `record`.
    """

    __slots__ = (
        "timestamp",
        "event_type",
        "tool_name",
        "action_taken",
        "violations",
        "parameters",
        "metadata",
        "record",
    )
    model_fields = __slots__[:-1]

    timestamp: datetime.datetime
    event_type: str
    tool_name: str
    action_taken: PolicyAction
    violations: list[Violation]
    parameters: dict[str, Any]
    metadata: dict[str, Any]
    #: The whole record as the log holds it; empty for an event that was not read from a log.
    record: Mapping[str, Any]

    def __init__(
        self,
        timestamp: datetime.datetime | str | None = None,
        event_type: str = "",
        tool_name: str = "",
        action_taken: PolicyAction | str = PolicyAction.LOG,
        violations: Iterable[Violation | Mapping[str, Any]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        if not event_type:
            raise ValueError("an AuditEvent needs an `event_type`")
        self._set(
            timestamp=_moment(timestamp),
            event_type=event_type,
            tool_name=tool_name,
            action_taken=PolicyAction(action_taken),
            violations=_models(Violation, violations),
            parameters=dict(parameters or {}),
            metadata=dict(metadata or {}),
            record=dict(record or {}),
        )
