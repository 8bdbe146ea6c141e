"""What every adapter has to keep, as one test class. A framework's test says how to run a program of that framework."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agentfirewall import Interceptor

POLICY = """\
version: "1.0"
name: adapters
default_action: allow
rules:
  - name: no-deletes
    tools: ["delete_file", "*__delete_file"]
    action: deny
    reason: Deleting is for people
  - name: mail-needs-a-person
    tools: ["send_mail", "*__send_mail"]
    action: ask
    reason: Mail needs a person
"""

#: Made up, with the check sum of its kind, and never whole in this repository.
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o50smkjE"


def interceptor(folder: Path) -> Interceptor:
    """The real firewall with the policy above. Its log is kept out of the user's folders."""
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    return Interceptor(policy_path=str(policy), log_path=str(folder / "audit.jsonl"))


class Broken:
    """A firewall that fails. The text of its exception must reach nobody."""

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        raise RuntimeError("the inside of the firewall")


class Panicking:
    """A firewall that fails as an extension does whose Rust code panics: no `Exception`."""

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        raise type("PanicException", (BaseException,), {})("the inside of the firewall")


class Answering:
    """A firewall with an answer of our own."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        return self.answer


@dataclasses.dataclass
class Answer:
    action: object
    reason: object = "a reason"


@dataclasses.dataclass
class Ran:
    """What came of a run."""

    #: The tools that ran, with their parameters.
    calls: list[tuple[str, dict[str, Any]]]
    #: What the model or the caller was told of the call.
    told: str
    #: Everything the model was sent, without identifiers that differ between two runs.
    seen: object = None
    #: What the program gave back at its end.
    final: str = ""


class Tools:
    """The tools of the test programs: they write down that they ran."""

    def __init__(self, result: object = "done") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.result = result

    def ran(self, name: str, **parameters: Any) -> Any:
        self.calls.append((name, parameters))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def functions(self) -> list[Callable[[str], Any]]:
        """The tools as plain functions, for a framework's decorator: `delete_file`, `send_mail` and `read_file`."""

        def delete_file(path: str) -> Any:
            """Deletes a file."""
            return self.ran("delete_file", path=path)

        def send_mail(to: str) -> Any:
            """Sends mail."""
            return self.ran("send_mail", to=to)

        def read_file(path: str) -> Any:
            """Reads a file."""
            return self.ran("read_file", path=path)

        return [delete_file, send_mail, read_file]


ODD = [
    None,
    object(),
    "allow",
    Answer(None),
    Answer("permit"),
    Answer("ALLOW"),
    Answer(True),
    Answer(["allow"]),
    {"action": "allow"},
]


class Contract:
    """The promises of `agentfirewall.adapters`."""

    #: Answers that a firewall should not give.
    odd: tuple[Any, ...] = tuple(ODD)

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        """Runs a program whose scripted model calls one tool and then ends. `firewall` `None`: no adapter."""
        raise NotImplementedError

    def test_a_denied_tool_is_not_run_and_the_model_is_told_why(self, tmp_path: Path) -> None:
        ran = self.run(interceptor(tmp_path), "delete_file", {"path": "a.txt"})
        assert ran.calls == []
        assert "denied" in ran.told
        assert "Deleting is for people" in ran.told
        assert ran.final == "finished", "the run goes on"

    def test_a_tool_that_needs_a_person_is_not_run_and_the_model_is_told_why(self, tmp_path: Path) -> None:
        ran = self.run(interceptor(tmp_path), "send_mail", {"to": "a@b.example"})
        assert ran.calls == []
        assert "approv" in ran.told
        assert "Mail needs a person" in ran.told

    def test_an_allowed_tool_runs_and_nothing_is_added(self, tmp_path: Path) -> None:
        ran = self.run(interceptor(tmp_path), "read_file", {"path": "a.txt"})
        assert ran.calls == [("read_file", {"path": "a.txt"})]
        assert ran.final == "finished"
        bare = self.run(None, "read_file", {"path": "a.txt"})
        assert ran == bare
        assert "agentfirewall" not in json.dumps(ran.seen, default=str)

    def test_log_and_alert_are_as_silent_as_allow(self) -> None:
        bare = self.run(None, "read_file", {"path": "a.txt"})
        for action in ("log", "alert"):
            assert self.run(Answering(Answer(action)), "read_file", {"path": "a.txt"}) == bare

    @pytest.mark.parametrize("firewall", [Broken(), Panicking()], ids=["exception", "panic"])
    def test_a_firewall_that_fails_stops_the_tool(self, firewall: Any) -> None:
        ran = self.run(firewall, "read_file", {"path": "a.txt"})
        assert ran.calls == []
        assert "could not judge" in ran.told
        assert "the inside" not in ran.told + json.dumps(ran.seen, default=str)

    def test_an_answer_that_is_none_stops_the_tool(self) -> None:
        for odd in self.odd:
            ran = self.run(Answering(odd), "read_file", {"path": "a.txt"})
            assert ran.calls == [], repr(odd)
            assert "could not judge" in ran.told, repr(odd)

    def test_a_secret_in_a_result_is_masked_and_the_rest_stays(self, tmp_path: Path) -> None:
        ran = self.run(interceptor(tmp_path), "read_file", {"path": "a"}, result=f"key {SECRET} end")
        assert len(ran.calls) == 1
        assert SECRET not in ran.told + json.dumps(ran.seen, default=str)
        assert "key " in ran.told
        assert " end" in ran.told

    def test_the_text_of_a_tools_exception_is_masked_or_does_not_reach_the_model(
        self, tmp_path: Path
    ) -> None:
        error = RuntimeError(f"key {SECRET} end")
        try:
            ran = self.run(interceptor(tmp_path), "read_file", {"path": "a"}, result=error)
        except RuntimeError as raised:
            # The run ended, and it is the caller's own exception.
            assert raised is error
            return
        assert ran.calls
        assert SECRET not in ran.told + json.dumps(ran.seen, default=str)

    def test_a_result_that_cannot_be_checked_is_withheld(self, tmp_path: Path) -> None:
        def broken(text: str) -> str:
            raise RuntimeError("the inside of the firewall")

        ran = self.run(interceptor(tmp_path), "read_file", {"path": "a"}, result="unchecked", redact=broken)
        assert len(ran.calls) == 1
        everything = ran.told + json.dumps(ran.seen, default=str)
        assert "withheld" in ran.told
        assert "unchecked" not in everything
        assert "the inside" not in everything


_PAGE = Path(__file__).parents[4] / "docs/src/python-frameworks.md"


def lines(section: str, block: int) -> str:
    """The Python lines of a section of the manual, one block of them."""
    text = _PAGE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [part.split("```")[0] for part in text.split("```python\n")[1:]][block].rstrip("\n")


def manual(section: str, block: int, **names: Any) -> dict[str, Any]:
    """Runs the Python lines of a section of the manual with these names; gives all names back.

    Top-level `await` is allowed, as in a notebook: the manual's reader has an event loop.
    """
    compiled = compile(lines(section, block), str(_PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(compiled, names)
    if inspect.isawaitable(running):

        async def finish() -> None:
            await running

        asyncio.run(finish())
    return names


def mcp_server(folder: Path) -> tuple[list[str], Path]:
    """A program that is an MCP server on standard input and output, and the file in which its tools write their name.

    `delete_file`, `send_mail` and `read_file` have a `path`; `read_file` of `secret` gives one back.
    """
    flag, program = folder / "ran.txt", folder / "server.py"
    program.write_text(_MCP_SERVER)
    return [sys.executable, str(program), str(flag), SECRET], flag


_MCP_SERVER = """
import json, sys

def tool(name):
    return {"name": name, "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}

for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    method, result = message["method"], {}
    if method == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "trusted", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [tool("delete_file"), tool("send_mail"), tool("read_file")]}
    elif method == "tools/call":
        open(sys.argv[1], "w").write(message["params"]["name"])
        path = (message["params"].get("arguments") or {}).get("path")
        text = "key " + sys.argv[2] + " end" if path == "secret" else "read " + str(path)
        result = {"content": [{"type": "text", "text": text}]}
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    if method in ("initialize", "tools/list", "tools/call", "ping"):
        answer["result"] = result
    else:
        answer["error"] = {"code": -32601, "message": "unknown method"}
    print(json.dumps(answer), flush=True)
"""
