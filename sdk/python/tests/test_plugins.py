"""Plugins written in Python: what good ones do, and that broken ones deny."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agentfirewall
import pytest
from agentfirewall import Interceptor, PluginError, PolicyAction, Span, Subject

POLICY = ".agentfirewall/policy.yaml"
pytestmark = pytest.mark.usefixtures("plugins")


def test_a_detector(project: Path) -> None:
    seen: list[str] = []

    @agentfirewall.detector("acme-token", keywords=["acme_"])
    def acme(text: str) -> list[tuple[int, int]]:
        seen.append(text)
        return [match.span() for match in re.finditer("acme_[0-9]{8}", text)]

    firewall = Interceptor(policy_path=POLICY)
    decision = firewall.check("Read", {"file_path": "é acme_12345678"})
    assert decision.action == PolicyAction.DENY and decision.violations[0].rule_id == "acme-token"
    assert "acme_12345678" not in (project / ".agentfirewall/audit.jsonl").read_text()
    assert firewall.check("Read", {"file_path": "acme_"}).allowed
    count = len(seen)
    assert firewall.check("Read", {"file_path": "other"}).allowed and len(seen) == count
    assert "acme_12345678" not in agentfirewall.redact("x acme_12345678 y")
    assert acme("none") == [], "the function stays what it was"


def test_a_detector_that_is_merely_suspicious_only_reports() -> None:
    @agentfirewall.detector("maybe", keywords=["maybe"])
    def maybe(text: str) -> list[Span]:
        return [Span(0, 5, confidence="medium", severity="low")]

    assert Interceptor(policy_path=POLICY).check("Read", {"file_path": "maybe"}).action == PolicyAction.ALERT


def test_a_matcher(project: Path) -> None:
    subjects: list[Subject] = []

    @agentfirewall.matcher("owner")
    def owner(subject: Subject, config: dict[str, Any]) -> bool:
        subjects.append(subject)
        return bool(subject.parameters.get("owner") == config["is"])

    (project / "p.yaml").write_text(
        """\
version: "1.0"
name: owners
default_action: allow
rules:
  - name: not-of-eve
    tools: ["delete"]
    match: {owner: {is: eve}}
    action: deny
    reason: Eve decides herself
"""
    )
    firewall = Interceptor(policy_path="p.yaml", session_id="s1")
    assert firewall.check("delete", {"owner": "eve"}).reason == "Eve decides herself"
    assert firewall.check("delete", {"owner": "bob"}).allowed
    assert subjects[0].tool == "delete" and subjects[0].session == "s1"


def test_a_sink(project: Path) -> None:
    told: list[tuple[str, Any]] = []

    @agentfirewall.sink("pager")
    def pager(event: dict[str, Any], config: dict[str, Any]) -> None:
        told.append((event["tool_name"], config["team"]))

    (project / "p.yaml").write_text(
        """\
version: "1.0"
name: paging
default_action: alert
rules: []
sinks:
  - name: team
    use: pager
    with: {team: red}
    actions: [alert]
"""
    )
    firewall = Interceptor(policy_path="p.yaml")
    firewall.check("one", {})
    firewall.check("two", {})
    assert firewall.flush()
    assert told == [("one", "red"), ("two", "red")]


def raising(text: str) -> Any:
    raise RuntimeError("broken\nin two lines")


def exiting(text: str) -> Any:
    sys.exit(0)


def endless(text: str) -> Any:
    while True:
        time.sleep(0.01)


def without_parameters() -> Any:
    return []


def lazily_raising(text: str) -> Any:
    yield (0, 3)
    raise KeyError("later")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raising, "RuntimeError: broken in two lines"),
        (exiting, "SystemExit: 0"),
        (endless, "did not answer within 0.2 s"),
        (lazily_raising, "KeyError"),
        (lambda text: None, "NoneType instead of places"),
        (lambda text: 7, "TypeError"),
        (lambda text: "abc", "str instead of two numbers"),
        (lambda text: [(0, 99999)], "0..99999 is no place"),
        (lambda text: [(3, 3)], "3..3 is no place"),
        (lambda text: [(-1, 3)], "not two numbers from 0"),
        (lambda text: [(True, 3)], "not two numbers from 0"),
        (lambda text: [("a", "b")], "not two numbers from 0"),
        (lambda text: [(0, 1, 2)], "instead of two numbers"),
        (lambda text: [Span(0, 3, confidence="sure")], "`sure` is no confidence"),
        (without_parameters, "TypeError"),
    ],
)
def test_a_broken_detector_denies_with_one_clear_line(function: Any, said: str, project: Path) -> None:
    agentfirewall.detector("broken", keywords=["wake"], timeout=0.2)(function)
    firewall = Interceptor(policy_path=POLICY)
    decision = firewall.check("Read", {"file_path": "wake up"})
    assert decision.action == PolicyAction.DENY and decision.rule.layer == "firewall"
    assert "Python detector `broken`" in decision.reason and said in decision.reason, decision.reason
    assert "\n" not in decision.reason
    assert firewall.check("Read", {"file_path": "other"}).allowed, "what does not wake it goes on"
    (record,) = firewall.audit_log.query(action="deny")
    assert record.record["reason"] == decision.reason


@pytest.mark.parametrize("answer", [None, 1, "yes", []])
def test_a_matcher_whose_answer_makes_no_sense_denies(answer: Any, project: Path) -> None:
    agentfirewall.matcher("odd")(lambda subject, config: answer)
    (project / "p.yaml").write_text(
        'version: "1.0"\nname: odd\ndefault_action: allow\n'
        "rules:\n  - {name: a, tools: [x], match: {odd: {}}, action: deny}\n"
    )
    decision = Interceptor(policy_path="p.yaml").check("x", {})
    assert decision.action == PolicyAction.DENY and "instead of True or False" in decision.reason


def test_a_detector_that_keeps_the_interpreter_ends_in_a_deny_once_it_lets_go() -> None:
    @agentfirewall.detector("hog", keywords=["wake"], timeout=0.2)
    def hog(text: str) -> list[tuple[int, int]]:
        # The engine of regular expressions does not let go of the interpreter.
        re.match("(a+)+b", "a" * 25)
        return []

    decision = Interceptor(policy_path=POLICY).check("Read", {"file_path": "wake"})
    assert decision.action == PolicyAction.DENY and "did not answer within 0.2 s" in decision.reason


HOG = """
import re
import agentfirewall

@agentfirewall.detector("hog", keywords=["wake"], timeout=0.2)
def hog(text):
    re.match("(a+)+b", "a" * 60)
    return []

agentfirewall.Interceptor(policy_path=".agentfirewall/policy.yaml").check("Read", {"file_path": "wake"})
open("ran", "w")
"""


def test_a_detector_that_never_lets_go_is_denied_in_the_log_and_the_tool_does_not_run(project: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOG])
    log = agentfirewall.AuditLog(project / ".agentfirewall/audit.jsonl")
    try:
        for _ in range(600):
            if log.query(action="deny"):
                break
            time.sleep(0.05)
        (record,) = log.query(action="deny")
        assert "did not answer within 0.2 s" in record.record["reason"]
        assert not (project / "ran").exists()
    finally:
        process.kill()
        process.wait()


def test_a_detector_that_hangs_is_not_asked_again_until_it_has_ended() -> None:
    go_on: list[bool] = []
    calls: list[str] = []

    @agentfirewall.detector("slow", keywords=["wake"], timeout=0.2)
    def slow(text: str) -> list[tuple[int, int]]:
        calls.append(text)
        while not go_on:
            time.sleep(0.01)
        return []

    firewall = Interceptor(policy_path=POLICY)
    for _ in range(3):
        assert firewall.check("Read", {"file_path": "wake"}).action == PolicyAction.DENY
    assert len(calls) == 1
    go_on.append(True)
    for _ in range(200):
        if firewall.check("Read", {"file_path": "wake"}).allowed:
            break
        time.sleep(0.02)
    assert firewall.check("Read", {"file_path": "wake"}).allowed


def test_a_plugin_may_ask_the_firewall_itself() -> None:
    inner = Interceptor(policy_path=POLICY)

    @agentfirewall.detector("asking", keywords=["wake"])
    def asking(text: str) -> list[tuple[int, int]]:
        return [(0, 4)] if inner.check("Bash", {"command": "sudo ls"}).allowed else []

    assert Interceptor(policy_path=POLICY).check("Read", {"file_path": "wake"}).allowed


def test_wrong_registrations_are_refused() -> None:
    async def later(text: str) -> list[tuple[int, int]]:
        return []

    registrations: list[Callable[[], object]] = [
        lambda: agentfirewall.detector("Not Good")(lambda text: []),
        lambda: agentfirewall.detector("x", keywords="word"),
        lambda: agentfirewall.detector("x", keywords=["a"]),
        lambda: agentfirewall.detector("x", timeout=0)(lambda text: []),
        lambda: agentfirewall.detector("x", confidence="sure")(lambda text: []),
        lambda: agentfirewall.detector("x")(later),  # type: ignore[type-var]
        lambda: agentfirewall.matcher("x")(7),  # type: ignore[type-var]
    ]
    for make in registrations:
        with pytest.raises(PluginError):
            make()


def test_a_plugin_cannot_take_the_place_of_a_built_in_one() -> None:
    agentfirewall.detector("github-token")(lambda text: [])
    with pytest.raises(agentfirewall.PolicyError, match="github-token"):
        Interceptor(policy_path=POLICY)


@pytest.mark.skipif("AGENTFIREWALL_LIBRARY" not in os.environ, reason="no library of a native plugin")
def test_a_plugin_that_was_installed_as_a_library_takes_part(project: Path) -> None:
    token = "v1tok_12345678"
    before = Interceptor(policy_path=POLICY)
    assert before.check("Read", {"file_path": token}).allowed
    command = [agentfirewall.executable(), "plugins", "add", os.environ["AGENTFIREWALL_LIBRARY"]]
    added = subprocess.run(command, capture_output=True, text=True, check=False)
    assert added.returncode == 0, added.stderr
    for firewall in (Interceptor(policy_path=POLICY), Interceptor.from_layers()):
        decision = firewall.check("Read", {"file_path": token})
        assert decision.action == PolicyAction.DENY and decision.violations[0].rule_id == "v1-token"
        assert decision.plugins and decision.plugins[0].startswith("fixture-wire-v1")
        assert token not in (project / ".agentfirewall/audit.jsonl").read_text().splitlines()[-1]
        assert firewall.check("Read", {"file_path": "other"}).allowed
