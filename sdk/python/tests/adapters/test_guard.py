"""What the adapters have in common, without any framework: this file runs on every Python the package runs on."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import datetime
import enum
import pathlib
import subprocess
import sys
import textwrap
import uuid
from typing import Any

import pytest
from agentfirewall import adapters
from agentfirewall.adapters._guard import Guard
from support import ODD, SECRET, Answer, Answering, Broken, Panicking, lines


class Noting:
    """Lets everything pass and notes what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        self.calls.append((tool_name, parameters))
        return Answer("allow")


class Asynchronous(Noting):
    """The same with a method for event loops."""

    async def acheck(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        self.calls.append((f"async {tool_name}", parameters))
        return Answer("deny", "by acheck")


def judged(firewall: Any, tool: object = "t", parameters: object = None) -> list[Any]:
    """The answers of both ways to ask."""
    guard = Guard(firewall)
    given = {} if parameters is None else parameters
    return [guard.call(tool, given), asyncio.run(guard.acall(tool, given))]


def test_what_may_pass_passes_and_is_silent() -> None:
    class Action(str, enum.Enum):
        ALLOW = "allow"
        DENY = "deny"

    for action in ("allow", "log", "alert", Action.ALLOW):
        assert judged(Answering(Answer(action))) == [None, None]
    for refusal in judged(Answering(Answer(Action.DENY, "why"))):
        assert refusal.action == "deny"
        assert "why" in refusal.message


def test_everything_else_is_refused_with_a_reason() -> None:
    for firewall in [Broken(), Panicking(), object(), *map(Answering, ODD)]:
        for refusal in judged(firewall):
            assert refusal.action == "error"
            assert "could not judge" in refusal.message
            assert "the inside" not in refusal.message
    for reason in ("", "  ", None, 1):
        for action in ("deny", "ask"):
            for refusal in judged(Answering(Answer(action, reason))):
                assert refusal.action == action
                assert "no reason was given" in refusal.message


def test_a_call_that_is_no_call_is_refused_before_the_firewall_is_asked() -> None:
    firewall = Noting()
    for tool, parameters in [("", {}), (None, {}), (1, {}), ("t", []), ("t", "ls"), ("t", 1)]:
        for refusal in judged(firewall, tool, parameters):
            assert refusal.action == "error"
    assert Guard(firewall).call("t", None) is not None
    assert firewall.calls == []


def test_to_be_interrupted_or_cancelled_is_not_swallowed() -> None:
    class Interrupted:
        def __init__(self, error: type[BaseException]) -> None:
            self.error = error

        def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
            raise self.error

    for error in (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
        with pytest.raises(error):
            Guard(Interrupted(error)).call("t", {})


def test_the_asynchronous_method_is_used_where_there_is_one() -> None:
    firewall = Asynchronous()
    sync, asynchronous = judged(firewall)
    assert sync is None
    assert "by acheck" in asynchronous.message
    assert [name for name, _ in firewall.calls] == ["t", "async t"]


def test_parameters_are_handed_over_as_json_has_them() -> None:
    class Kind(enum.Enum):
        ONE = "one"

    @dataclasses.dataclass
    class Point:
        x: int
        note: str

    class Model:
        def model_dump(self, mode: str) -> dict[str, Any]:
            return {"mode": mode}

    firewall = Noting()
    parameters = {
        "text": "a", "number": 1, "real": 1.5, "yes": True, "none": None, "list": [1, ("a", {"b": [2]})],
        "kind": Kind.ONE, "path": pathlib.PurePosixPath("/a/b"), "bytes": b"rm -rf \xff", 7: "seven",
        "day": datetime.date(2026, 1, 2), "id": uuid.UUID(int=0), "point": Point(1, "n"), "model": Model(),
    }  # fmt: skip
    assert Guard(firewall).call("t", parameters) is None
    assert firewall.calls[0][1] == {
        "text": "a", "number": 1, "real": 1.5, "yes": True, "none": None, "list": [1, ["a", {"b": [2]}]],
        "kind": "one", "path": "/a/b", "bytes": "rm -rf \ufffd", "7": "seven",
        "day": "2026-01-02", "id": "00000000-0000-0000-0000-000000000000", "point": {"x": 1, "note": "n"},
        "model": {"mode": "json"},
    }  # fmt: skip


def test_a_parameter_that_would_hide_what_it_holds_is_refused() -> None:
    class Command:
        def __repr__(self) -> str:
            return "harmless"

    for parameters in ({"a": Command()}, {"a": [Command()]}, {Command(): 1}, {"a": lambda: 1}):
        refusal = Guard(Noting()).call("t", parameters)
        assert refusal is not None
        assert refusal.action == "error"
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    assert Guard(Noting()).call("t", loop) is not None


def mask(text: str) -> str:
    return text.replace("secret", "*****")


def test_results_keep_their_shape_and_what_has_no_secret_is_the_very_same_object() -> None:
    guard = Guard(Noting(), mask)
    clean = {"a": ["b", ("c", 1, None, True)], "d": {"e": 1.5}}
    assert guard.result(clean).value is clean
    assert not guard.result(clean).changed
    checked = guard.result({"a": ["my secret", ("c", 1)], "secret key": {"e": "secret"}, "n": None})
    assert checked.changed
    assert checked.refusal is None
    assert checked.value == {"a": ["my *****", ("c", 1)], "***** key": {"e": "*****"}, "n": None}


def test_other_objects_are_masked_as_the_text_the_model_would_see() -> None:
    @dataclasses.dataclass
    class Row:
        value: str

    guard = Guard(Noting(), mask)
    row = Row("open")
    assert guard.result([row]).value[0] is row
    assert "secret" not in guard.result([Row("secret")]).value[0]


def test_a_result_that_cannot_be_checked_is_withheld() -> None:
    def broken(text: str) -> str:
        raise RuntimeError(text)

    def silent(text: str) -> Any:
        return None

    class Unprintable:
        def __str__(self) -> str:
            raise ValueError("secret")

    loop: list[Any] = []
    loop.append(loop)
    for redact, value in [(broken, "secret"), (silent, "secret"), (mask, Unprintable()), (mask, loop)]:
        checked = Guard(Noting(), redact).result(value)
        assert checked.value is None
        assert checked.refusal is not None
        assert "withheld" in checked.refusal.message
        assert "secret" not in checked.refusal.message


def test_the_packages_own_masking_is_used_without_another() -> None:
    checked = Guard(Noting()).result({"text": f"key {SECRET} end"})
    assert SECRET not in str(checked.value)
    assert checked.value["text"].startswith("key ")


def test_no_framework_is_loaded_by_the_package_or_by_its_adapters_folder() -> None:
    program = (
        "import sys, agentfirewall, agentfirewall.adapters, agentfirewall.adapters._guard\n"
        "names = 'agents langchain langgraph claude_agent_sdk crewai agent_framework google.adk strands mcp'\n"
        "print([name for name in names.split() if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "section"),
    [
        ("openai_agents", "OpenAI Agents SDK"),
        ("langchain", "LangChain and LangGraph"),
        ("claude_agent_sdk", "Claude Agent SDK"),
        ("crewai", "CrewAI"),
        ("agent_framework", "Microsoft Agent Framework"),
        ("google_adk", "Google ADK"),
        ("strands", "Strands Agents"),
        ("mcp", "MCP"),
    ],
)
def test_the_example_in_a_module_is_the_one_that_is_run(module: str, section: str) -> None:
    """The lines of the manual are run by the test of each framework; those in the code are the same."""
    file = pathlib.Path(adapters.__file__).with_name(f"{module}.py")
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
    assert textwrap.indent(lines(section, 0), "    ") in docstring
