"""The audit log: query, verification, iteration and export; and the original's `AuditLogger`."""

from __future__ import annotations

import os

from agentfirewall import _native
from agentfirewall.schemas import AuditEvent, Model, PolicyAction, Violation, severity_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator
    from typing import Any, Union

    StrPath = Union[str, os.PathLike[str]]

__all__ = ["AuditLog", "AuditLogger", "Verification"]


class Verification(Model):
    """What a check of a log found."""

    __slots__ = ("intact", "records", "faults", "report", "limit")
    model_fields = __slots__

    #: Whether nothing is wrong.
    intact: bool
    #: How many records are as they were written.
    records: int
    #: The first faults, one line each.
    faults: list[str]
    #: The whole report.
    report: dict[str, Any]
    #: What no check of a log alone can find; to be shown beside every good result.
    limit: str

    def __init__(
        self, intact: bool, records: int, faults: list[str], report: dict[str, Any], limit: str
    ) -> None:
        self._set(intact=intact, records=records, faults=faults, report=report, limit=limit)

    def __bool__(self) -> bool:
        return self.intact


class AuditLog:
    """A log with all its files. Reads what this program, hooks and the original wrote; iterating begins with the oldest."""

    def __init__(self, path: StrPath = ".agentfirewall/audit.jsonl") -> None:
        self.path = os.path.abspath(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __iter__(self) -> Iterator[AuditEvent]:
        return iter(self.query())

    def __len__(self) -> int:
        return len(self._lines())

    def query(
        self,
        *,
        tool_name: str | None = None,
        action: PolicyAction | str | None = None,
        session_id: str | None = None,
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        last: int | None = None,
    ) -> list[AuditEvent]:
        """The records for which every condition holds, the oldest first; with `last` only the newest of them."""
        import json

        lines = self._lines(tool_name, action, session_id, since, until, last)
        return [_event(json.loads(line)) for line in lines]

    def records(self, **conditions: Any) -> Iterator[dict[str, Any]]:
        """The same as the log holds them: `dict`s with every member."""
        for event in self.query(**conditions):
            yield dict(event.record)

    def verify(self) -> Verification:
        """Checks the hash chain and every record. Raises `AuditError` if the log cannot be read."""
        import json

        intact, text, limit = _native.audit_verify(self.path)
        report = json.loads(text)
        faults = [f"{fault['file']}:{fault['line']}: {fault['detail']}" for fault in report["faults"]]
        return Verification(intact, report["records"], faults, report, limit)

    def export(self, path: StrPath, format: str = "jsonl") -> int:
        """Writes every record to a file: `jsonl`, `csv`, `cef`, `ecs`, `ocsf`, or `json`, one array. How many records."""
        import json

        if format == "json":
            records = [json.loads(line) for line in _native.audit_export(self.path, "jsonl")]
            text = json.dumps(records, indent=2, ensure_ascii=False)
            count = len(records)
        else:
            lines = _native.audit_export(self.path, format)
            text = "".join(line + "\n" for line in lines)
            count = len(lines) - (1 if format == "csv" else 0)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return count

    def _lines(
        self,
        tool_name: str | None = None,
        action: PolicyAction | str | None = None,
        session_id: str | None = None,
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        last: int | None = None,
    ) -> list[str]:
        if not os.path.exists(self.path):
            return []
        word = None if action is None else PolicyAction(action).value
        moments = [_utc(since), _utc(until)]
        return _native.audit_find(self.path, tool_name, word, session_id, moments[0], moments[1], last)


class AuditLogger(AuditLog):
    """The original's logger. What it appends is masked first, and continues the chain whoever else writes."""

    def __init__(self, log_path: StrPath) -> None:
        super().__init__(log_path)
        folder = os.path.dirname(self.path)
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(self.path):
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._writer = _native.Writer(self.path)

    def log(self, event: AuditEvent) -> None:
        """Appends an event. Its time is the time of writing: a log is in order."""
        metadata = dict(event.metadata)
        if event.violations:
            metadata["violations"] = [violation.model_dump(mode="json") for violation in event.violations]
        self._writer.append(
            event.event_type, event.tool_name, event.action_taken.value, event.parameters, metadata
        )

    def tail(self, n: int = 10) -> list[AuditEvent]:
        """The newest records, the oldest of them first."""
        return self.query(last=n) if n > 0 else []

    def verify_integrity(self) -> tuple[bool, list[str]]:
        """Whether the chain holds, and what is wrong with it."""
        if os.path.getsize(self.path) == 0:
            return (True, [])
        verification = self.verify()
        return (verification.intact, list(verification.faults))

    def export_json(self, path: StrPath) -> int:
        """Writes every record to a file as one JSON array. How many."""
        return self.export(path, "json")

    @property
    def event_count(self) -> int:
        """How many records the log has."""
        return len(self)


def _utc(moment: datetime.datetime | None) -> str | None:
    if moment is None:
        return None
    import datetime

    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _event(record: dict[str, Any]) -> AuditEvent:
    metadata: dict[str, Any] = record.get("metadata") or {}
    action: Any = record.get("action_taken")
    return AuditEvent(
        timestamp=record.get("timestamp"),
        event_type=str(metadata.get("event_type") or record.get("event_type") or "unknown"),
        tool_name=record.get("tool_name") or "",
        action_taken=action if action in ("allow", "deny", "log", "alert", "ask") else PolicyAction.LOG,
        violations=[_violation(found) for found in record.get("violations") or ()],
        parameters=record.get("parameters") or {},
        metadata=metadata,
        record=record,
    )


def _violation(found: dict[str, Any]) -> Violation:
    # The original's records have its members, ours have those of a finding.
    rule = found.get("rule_id") or found.get("detector") or "unknown"
    return Violation(
        rule_id=rule,
        severity=severity_of(found.get("severity") or "critical"),
        message=found.get("message") or f"a secret ({rule})",
        source=found.get("source") or found.get("pointer") or "",
        line_number=found.get("line_number") or 0,
        confidence=found.get("confidence") or "high",
    )
