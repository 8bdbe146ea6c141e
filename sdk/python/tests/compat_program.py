"""A program of the original's interface. Run once with the original and once with ours; prints what came of it as JSON."""

import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from agentfirewall import Interceptor, PolicyViolationError
from agentsec_core.alerts import DiscordAlert, SlackAlert, create_alerter
from agentsec_core.logger import AuditLogger
from agentsec_core.policy import evaluate, load_policy, load_policy_from_string, merge_policies
from agentsec_core.scanner import scan_file, scan_parameters, scan_text
from agentsec_core.schemas import (
    AuditEvent,
    Policy,
    PolicyAction,
    PolicyDecision,
    PolicyRule,
    Severity,
    Violation,
)

results = {}
SECRET = "ghp_" + "StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"


def result(name):
    def run(function):
        try:
            results[name] = function()
        except Exception:
            results[name] = "raises"

    return run


def kind(error_types, function):
    try:
        function()
    except error_types as error:
        return [t.__name__ for t in error_types if isinstance(error, t)]
    except Exception as error:
        return "another: " + type(error).__name__
    return "nothing"


POLICY = ".agentfirewall/policy.yaml"


def plain(rules, default="allow"):
    return Policy(default_action=PolicyAction(default), rules=rules)


@result("the words of the enumerations")
def _():
    return [[e.value for e in Severity], [e.value for e in PolicyAction]]


@result("a member is its word")
def _():
    return [PolicyAction.DENY == "deny", isinstance(PolicyAction.DENY, str), PolicyAction("log").name]


@result("defaults of a rule")
def _():
    return PolicyRule().model_dump(mode="json")


@result("defaults of a policy")
def _():
    return Policy().model_dump(mode="json")


@result("a policy of a file")
def _():
    return load_policy(POLICY).model_dump(mode="json")


@result("a policy of a text")
def _():
    return load_policy_from_string("name: a\nrules:\n- {name: r, tools: [Bash]}\n").model_dump(mode="json")


@result("no such policy")
def _():
    return kind((FileNotFoundError,), lambda: load_policy("nowhere.yaml"))


@result("a policy that is no mapping")
def _():
    return kind((ValueError,), lambda: load_policy_from_string("- a\n"))


@result("a policy that is no YAML")
def _():
    return kind((ValueError,), lambda: load_policy_from_string("a: [\n"))


@result("a policy with an unknown action")
def _():
    return kind((ValueError,), lambda: load_policy_from_string("default_action: permit\n"))


@result("a policy with an unknown key")
def _():
    return kind((ValueError,), lambda: load_policy_from_string("default_acton: allow\n"))


@result("immutable")
def _():
    try:
        Policy().name = "x"
    except Exception:
        return True
    return False


@result("copies and comparisons")
def _():
    rule = PolicyRule(name="a", tools=["x"])
    return [rule == PolicyRule(name="a", tools=["x"]), rule.model_copy(update={"name": "b"}).name]


@result("merging")
def _():
    merged = merge_policies(
        plain([PolicyRule(name="a")], "deny"), Policy(name="b", version="2", rules=[PolicyRule(name="c")])
    )
    return [merged.model_dump(mode="json"), merge_policies().model_dump(mode="json")]


@result("the first rule that matches wins")
def _():
    policy = plain(
        [
            PolicyRule(name="a", tools=["Re*"], action=PolicyAction.ALERT, reason="first"),
            PolicyRule(name="b", tools=["Read"], action=PolicyAction.DENY),
        ]
    )
    decision = evaluate(policy, "Read", {"file_path": "a"})
    return [decision.action.value, decision.reason, decision.matched_rule.name]


@result("the default action")
def _():
    decision = evaluate(plain([], "alert"), "Other", {"a": 1})
    return [decision.action.value, decision.matched_rule]


@result("the reason of the default action")
def _():
    return evaluate(plain([], "alert"), "Other", {"a": 1}).reason


@result("fnmatch patterns of tools")
def _():
    policy = plain([PolicyRule(name="a", tools=["mcp__*", "N[ao]te?"], action=PolicyAction.DENY)])
    return [evaluate(policy, tool, {}).action.value for tool in ("mcp__a__b", "Notes", "Nates", "Nite", "x")]


@result("resources")
def _():
    policy = plain([PolicyRule(name="a", tools=["Bash"], resources=["rm *"])])
    return [evaluate(policy, "Bash", {"command": c}).action.value for c in ("rm x", "ls")]


@result("a rule without tools")
def _():
    return evaluate(plain([PolicyRule(name="a")]), "Read", {"file_path": "a"}).action.value


@result("a secret in the parameters")
def _():
    return evaluate(plain([]), "Read", {"file_path": "a", "x": SECRET}).action.value


@result("an ordinary long word in the parameters")
def _():
    return evaluate(plain([]), "Read", {"file_path": "src/components/UserProfileSettings.tsx"}).action.value


@result("check")
def _():
    interceptor = Interceptor(policy_path=POLICY, log_path="check.jsonl")
    decision = interceptor.check("Read", {"file_path": "a.txt"})
    return [decision.action.value, decision.matched_rule.name, decision.reason, decision.violations]


@result("check without parameters")
def _():
    return Interceptor(policy_path=POLICY, log_path="check.jsonl").check("Read").action.value


@result("check_or_raise")
def _():
    interceptor = Interceptor(
        policy=plain([PolicyRule(name="a", tools=["x"], reason="no")]), log_path="check.jsonl"
    )
    try:
        interceptor.check_or_raise("x", {})
    except PolicyViolationError as error:
        return [str(error), error.decision.action.value]


@result("wrap")
def _():
    interceptor = Interceptor(policy=plain([PolicyRule(name="a", tools=["x"])]), log_path="check.jsonl")

    @interceptor.wrap("x")
    def denied(**kwargs):
        """Its text."""
        return "ran"

    @interceptor.wrap("y")
    def passed(a, b=2):
        return a + b

    return [
        kind((PolicyViolationError,), denied),
        denied.__name__,
        denied.__doc__,
        passed(1),
        passed(a=1, b=1),
    ]


@result("wrap and positional arguments")
def _():
    policy = plain([PolicyRule(name="a", tools=["Bash"], resources=["rm *"])])
    interceptor = Interceptor(policy=policy, log_path="check.jsonl")

    @interceptor.wrap("Read")
    def read(file_path):
        return "ran"

    return kind((PolicyViolationError,), lambda: read(SECRET))


@result("no policy at all")
def _():
    return kind((ValueError,), lambda: Interceptor(log_path="check.jsonl"))


@result("the default log")
def _():
    interceptor = Interceptor(policy_path=POLICY)
    interceptor.check("Read", {"file_path": "a"})
    return os.path.exists(".agentfirewall/audit.jsonl")


@result("the members of a record")
def _():
    line = json.loads(Path(".agentfirewall/audit.jsonl").read_text().splitlines()[0])
    return [line["event_type"], line["tool_name"], line["action_taken"], line["parameters"], "_hash" in line]


logger = AuditLogger("log/audit.jsonl")


@result("an empty log")
def _():
    return [logger.event_count, logger.tail(), logger.verify_integrity(), os.path.exists("log/audit.jsonl")]


@result("a log of three events")
def _():
    for tool, action in (("A", PolicyAction.ALLOW), ("B", PolicyAction.DENY), ("A", PolicyAction.DENY)):
        logger.log(
            AuditEvent(event_type="policy_check", tool_name=tool, action_taken=action, parameters={"n": 1})
        )
    return [logger.event_count, [event.tool_name for event in logger.tail(2)], logger.verify_integrity()]


@result("queries")
def _():
    now = datetime.now(timezone.utc)
    return [
        len(logger.query()),
        len(logger.query(tool_name="A")),
        len(logger.query(tool_name="A", action=PolicyAction.DENY)),
        len(logger.query(since=now)),
        len(logger.query(until=now)),
    ]


@result("an event that was read")
def _():
    event = logger.tail(1)[0]
    return [event.event_type, event.parameters, event.metadata, event.timestamp.tzinfo is not None]


@result("another kind of event")
def _():
    other = AuditLogger("other.jsonl")
    other.log(AuditEvent(event_type="tool_call", metadata={"a": 1}))
    return other.tail(1)[0].event_type


@result("export")
def _():
    count = logger.export_json("out.json")
    return [count, [event["tool_name"] for event in json.loads(Path("out.json").read_text())]]


@result("a log that was changed")
def _():
    path = Path("log/audit.jsonl")
    path.write_text(path.read_text().replace('"B"', '"C"'))
    valid, errors = logger.verify_integrity()
    return [valid, len(errors)]


@result("scanning a text")
def _():
    found = scan_text(f"first\nkey = {SECRET}\n", "a.py")
    return sorted({(violation.source, violation.line_number) for violation in found})


@result("the text of a finding")
def _():
    return [SECRET in violation.match_text for violation in scan_text(f"key = {SECRET}\n")][:1]


@result("a secret in a comment")
def _():
    return bool(scan_text(f"# key = {SECRET}\n"))


@result("an ordinary token")
def _():
    return bool(scan_text("import os  \npath = 'src/components/UserProfileSettings'\n"))


@result("scanning parameters")
def _():
    return bool(scan_parameters({"a": {"b": [SECRET]}}))


@result("scanning files")
def _():
    Path("a.py").write_text(f"key = '{SECRET}'\n")
    Path("a.txt").write_text(f"key = '{SECRET}'\n")
    return [bool(scan_file("a.py")), scan_file("nowhere.py")]


@result("scanning a file of another suffix")
def _():
    return bool(scan_file("a.txt"))


SLACK = "https://hooks.slack.com/services/T00/B00/x"
DISCORD = "https://discord.com/api/webhooks/1/x"


@result("alerters")
def _():
    return [type(create_alerter(SLACK)) is SlackAlert, type(create_alerter(DISCORD)) is DiscordAlert]


@result("an alerter for another address")
def _():
    return kind((ValueError,), lambda: create_alerter("https://example.com/x"))


@result("an alerter for an address that only looks right")
def _():
    return kind((ValueError,), lambda: create_alerter("https://example.com/?hooks.slack.com"))


EVENT = {
    "event_type": "policy_check",
    "tool_name": "Bash",
    "action_taken": PolicyAction.DENY,
    "timestamp": datetime(2026, 1, 1, tzinfo=timezone.utc),
}


@result("a message for Slack")
def _():
    return create_alerter(SLACK).format_payload(AuditEvent(**EVENT))


@result("a message for Discord")
def _():
    return create_alerter(DISCORD).format_payload(AuditEvent(**EVENT))["embeds"]


@result("violations")
def _():
    violation = Violation(rule_id="r", severity=Severity.ERROR, message="m")
    dumped = violation.model_dump(mode="json")
    return {
        name: dumped[name]
        for name in ("rule_id", "severity", "message", "source", "line_number", "match_text")
    }


@result("decisions")
def _():
    dumped = PolicyDecision(action=PolicyAction.LOG).model_dump(mode="json")
    return {name: dumped[name] for name in ("action", "matched_rule", "violations", "reason")}


json.dump(results, sys.stdout)
