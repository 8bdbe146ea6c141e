"""What `Interceptor` promises."""

from __future__ import annotations

import asyncio
import copy
import enum
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agentfirewall import (
    AuditLog,
    Interceptor,
    Policy,
    PolicyAction,
    PolicyDecision,
    PolicyError,
    PolicyRule,
    PolicyViolationError,
    redact,
    scan_path,
    scan_text,
)
from conftest import SECRET

POLICY = ".agentfirewall/policy.yaml"


@pytest.fixture
def firewall() -> Interceptor:
    return Interceptor(policy_path=POLICY)


def test_each_action_of_the_policy(firewall: Interceptor) -> None:
    assert firewall.check("Read", {"file_path": "a.txt"}).action is PolicyAction.ALLOW
    assert firewall.check("Bash", {"command": "sudo ls"}).action is PolicyAction.DENY
    assert firewall.check("mcp__a__b", {}).action is PolicyAction.ALERT
    assert firewall.check("Write", {"file_path": "a.txt", "content": ""}).action is PolicyAction.LOG
    assert firewall.check("anything").action is PolicyAction.LOG
    assert firewall.check("Bash", {"command": "git status"}).action is PolicyAction.LOG


def test_a_decision_is_a_plain_immutable_value(firewall: Interceptor) -> None:
    decision = firewall.check("Bash", {"command": "ls; sudo rm -rf /"})
    assert isinstance(decision, PolicyDecision) and not decision.allowed
    assert decision.matched_rule == PolicyRule(
        name="block-dangerous-bash",
        tools=["Bash"],
        resources=["rm -rf *", "sudo *"],
        action=PolicyAction.DENY,
        reason="Dangerous shell commands blocked",
    )
    assert decision.rule.layer == "user" and decision.rule.line > 0
    assert decision.part == "sudo rm -rf /"
    with pytest.raises(AttributeError, match="immutable"):
        decision.action = PolicyAction.ALLOW
    dumped = decision.model_dump(mode="json")
    assert dumped["action"] == "deny" and json.dumps(dumped)
    assert pickle.loads(pickle.dumps(decision)) == decision == copy.deepcopy(decision)
    assert decision.model_copy(update={"reason": "other"}).reason == "other"
    assert PolicyDecision.model_validate(decision.model_dump()) == decision
    assert "PolicyDecision(action=" in repr(decision)


def test_a_secret_in_the_parameters_denies_and_is_nowhere(firewall: Interceptor, project: Path) -> None:
    decision = firewall.check("Read", {"file_path": "a", "note": {"deep": [f"x {SECRET}"]}})
    assert decision.action == PolicyAction.DENY
    (violation,) = decision.violations
    assert violation.source == "/note/deep/0" and violation.match_text == ""
    assert (violation.start, violation.end) == (2, 2 + len(SECRET))
    assert SECRET not in repr(decision) + (project / ".agentfirewall/audit.jsonl").read_text()


@dataclass
class Data:
    command: str


class Word(enum.Enum):
    RM = "sudo rm"


class Loop(dict):  # type: ignore[type-arg]
    pass


class Rude:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def test_parameters_of_any_kind_are_looked_at(firewall: Interceptor) -> None:
    for value in [
        [f"a {SECRET}"],
        (SECRET,),
        {SECRET},
        SECRET.encode(),
        bytearray(SECRET.encode()),
        Path(SECRET),
        Data(SECRET),
    ]:
        assert firewall.check("Read", {"x": value}).action == PolicyAction.DENY, value
    assert firewall.check("Read", {"n": 10**40, "f": float("nan"), "none": None, "é": "\ud800"}).allowed
    assert firewall.check("Read", {1: Word.RM}).allowed  # type: ignore[dict-item]


def test_check_never_raises_and_what_cannot_be_read_is_denied(firewall: Interceptor) -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    for parameters in [loop, {"x": Rude()}, ["no", "mapping"], "text", 7]:
        decision = firewall.check("Read", parameters)  # type: ignore[arg-type]
        assert decision.action == PolicyAction.DENY
        assert decision.rule.layer == "firewall" and SECRET not in decision.reason
    assert firewall.check(None, {}).action == PolicyAction.DENY  # type: ignore[arg-type]


def test_ask_is_a_deny_unless_the_program_can_ask() -> None:
    alone = Interceptor(policy_path=POLICY).check("send_mail", {})
    assert alone.action == PolicyAction.DENY and "approval" in alone.reason
    with_person = Interceptor(policy_path=POLICY, asks=True)
    assert with_person.check("send_mail", {}).action is PolicyAction.ASK
    with pytest.raises(PolicyViolationError):
        with_person.check_or_raise("send_mail", {})


def test_wrap_binds_arguments_by_signature(firewall: Interceptor) -> None:
    ran: list[str] = []

    @firewall.wrap("Bash")
    def shell(command: str, timeout: int = 3, *rest: str, **more: object) -> str:
        """Runs a command."""
        ran.append(command)
        return "done"

    assert shell("ls") == "done" and shell(command="ls", more=1) == "done"
    calls: list[Callable[[], object]] = [
        lambda: shell("sudo ls"),
        lambda: shell(command="sudo ls"),
        lambda: shell("ls", 3, SECRET),
        lambda: shell("ls", note=SECRET),
    ]
    for call in calls:
        with pytest.raises(PolicyViolationError) as caught:
            call()
        assert caught.value.decision.action == PolicyAction.DENY
    assert ran == ["ls", "ls"]
    assert (shell.__name__, shell.__doc__) == ("shell", "Runs a command.")
    with pytest.raises(TypeError):
        shell()  # type: ignore[call-arg]


def test_wrap_and_check_have_asynchronous_forms(firewall: Interceptor) -> None:
    ran: list[str] = []

    @firewall.wrap("Bash")
    async def shell(command: str) -> str:
        ran.append(command)
        return "done"

    async def program() -> None:
        assert await shell("ls") == "done"
        with pytest.raises(PolicyViolationError):
            await shell("sudo ls")
        decisions = await asyncio.gather(
            *(firewall.acheck("Bash", {"command": f"sudo {n}"}) for n in range(20))
        )
        assert {decision.action for decision in decisions} == {PolicyAction.DENY}
        with pytest.raises(PolicyViolationError):
            await firewall.acheck_or_raise("Bash", {"command": "sudo ls"})

    asyncio.run(program())
    assert ran == ["ls"]


def test_layers_are_those_of_the_program(project: Path) -> None:
    # A project's policy can only tighten: beneath it the floor holds.
    for firewall in (Interceptor.from_layers(), Interceptor()):
        decision = firewall.check("Bash", {"command": "sudo ls"})
        assert (decision.action, decision.rule.layer) == (PolicyAction.DENY, "project")
        assert firewall.audit_log.path == str(project / ".agentfirewall/audit.jsonl")
    assert Interceptor.from_layers(log_path=None).check("Read", {"file_path": "a"}).allowed


def test_the_firewalls_own_files_are_protected(firewall: Interceptor) -> None:
    for command in ["rm .agentfirewall/policy.yaml", "echo > .claude/settings.json"]:
        decision = firewall.check("Bash", {"command": command})
        assert (decision.action, decision.rule.layer) == (PolicyAction.DENY, "protection"), command
    import agentfirewall

    decision = firewall.check("Write", {"file_path": agentfirewall.__file__, "content": ""})
    assert decision.action == PolicyAction.DENY


def test_policies_that_cannot_be_used(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Policy file not found"):
        Interceptor(policy_path="nowhere.yaml")
    (project / "bad.yaml").write_text("default_acton: allow\n")
    with pytest.raises(PolicyError, match="default_acton"):
        Interceptor(policy_path="bad.yaml")
    with pytest.raises(ValueError):
        Policy(default_action="permit")


def test_a_policy_object_is_a_policy(project: Path) -> None:
    rules = [PolicyRule(name="no-rm", tools=["Bash"], resources=["rm *"])]
    firewall = Interceptor(policy=Policy(default_action=PolicyAction.ALLOW, rules=rules), log_path=None)
    decision = firewall.check("Bash", {"command": "rm x"})
    assert decision.action == PolicyAction.DENY and decision.matched_rule == rules[0]
    assert firewall.check("Bash", {"command": "ls"}).action == PolicyAction.ALLOW
    assert not (project / ".agentfirewall/audit.jsonl").exists()


def test_a_log_that_cannot_be_written_is_a_deny(project: Path) -> None:
    (project / "folder").mkdir()
    firewall = Interceptor(policy_path=POLICY, log_path="folder")
    decision = firewall.check("Read", {"file_path": "a"})
    assert decision.action == PolicyAction.DENY and decision.rule.layer == "firewall"


def test_explain_says_why_and_shows_no_secret(firewall: Interceptor) -> None:
    explained = firewall.explain("Bash", {"command": f"sudo ls {SECRET}"})
    assert explained["decision"]["action"] == "deny" and SECRET not in json.dumps(explained)


def test_scanning_and_redaction(firewall: Interceptor, project: Path) -> None:
    text = f"é first\nkey = {SECRET} end\n"
    for found in (scan_text(text, "a.txt"), firewall.scan_text(text, "a.txt")):
        (violation,) = found
        assert (violation.source, violation.line_number) == ("a.txt", 2)
        assert text[violation.start : violation.end] == SECRET
    for masked in (redact(text), firewall.redact(text)):
        assert (
            SECRET not in masked
            and masked.startswith("é first\nkey = [secret:")
            and masked.endswith(" end\n")
        )
    assert redact("nothing to hide") == "nothing to hide" and scan_text("nothing to hide") == []
    (project / "code").mkdir()
    (project / "code/a.weird").write_text(text)
    (violation,) = scan_path("code")
    assert violation.source.endswith("a.weird") and violation.line_number == 2
    assert scan_path(project / ".agentfirewall/policy.yaml") == []
    with pytest.raises(FileNotFoundError):
        scan_path("nowhere")


def test_the_log_is_read_checked_and_exported(firewall: Interceptor, project: Path) -> None:
    firewall.check("Bash", {"command": "sudo ls"})
    firewall.check("Read", {"file_path": "a"})
    log = AuditLog(project / ".agentfirewall/audit.jsonl")
    assert [event.tool_name for event in log] == ["Bash", "Read"] and len(log) == 2
    (denied,) = log.query(action="deny")
    assert denied.record["seq"] == 1 and denied.parameters == {"command": "sudo ls"}
    assert log.query(last=1)[0].tool_name == "Read" and log.query(tool_name="Read", action="deny") == []
    assert log.query(until=denied.timestamp) == [] and len(log.query(since=denied.timestamp)) == 2
    assert log.verify() and log.verify().records == 2
    for name in ("jsonl", "csv", "cef", "ecs", "ocsf", "json"):
        assert log.export(project / f"out.{name}", name) == 2
    assert len(json.loads((project / "out.json").read_text())) == 2
    text = (project / ".agentfirewall/audit.jsonl").read_text()
    (project / ".agentfirewall/audit.jsonl").write_text(text.replace("sudo ls", "true"))
    verification = log.verify()
    assert not verification and "audit.jsonl:1" in verification.faults[0]


def test_a_webhook_hears_of_what_was_denied(firewall: Interceptor, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentfirewall import _alerts

    sent: list[tuple[str, str]] = []

    def send(self: _alerts.WebhookAlert, event: Any) -> bool:
        sent.append((event.tool_name, json.dumps(self.format_payload(event))))
        return True

    monkeypatch.setattr(_alerts.WebhookAlert, "send", send)
    alerting = Interceptor(policy_path=POLICY, webhook_url="https://hooks.slack.com/services/T/B/x")
    alerting.check("Read", {"file_path": "a"})
    alerting.check("Bash", {"command": f"sudo {SECRET}"})
    assert alerting.flush()
    assert [tool for tool, _ in sent] == ["Bash"] and SECRET not in sent[0][1]
    with pytest.raises(ValueError):
        Interceptor(policy_path=POLICY, webhook_url="https://example.com/hooks.slack.com")


def test_a_panic_of_the_extension_is_a_deny(firewall: Interceptor, monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(tool: str, parameters: object) -> Any:
        raise type("PanicException", (BaseException,), {})(SECRET)

    monkeypatch.setattr(firewall, "_check", panics)
    decision = firewall.check("Read", {})
    assert decision.action == PolicyAction.DENY
    assert SECRET not in decision.reason

    def interrupted(tool: str, parameters: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(firewall, "_check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        firewall.check("Read", {})
