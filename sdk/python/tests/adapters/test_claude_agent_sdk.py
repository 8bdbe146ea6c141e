"""Claude Agent SDK: the real SDK and the Claude Code client it brings, with a scripted model on the loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from agentfirewall.adapters.claude_agent_sdk import can_use_tool, hooks
from anthropic_model import Model
from claude_agent_sdk import (
    ClaudeAgentOptions,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    ToolPermissionContext,
    create_sdk_mcp_server,
    query,
    tool,
)
from support import ODD, SECRET, Answer, Answering, Broken, Contract, Ran, Tools, interceptor, manual

NAMES = ("delete_file", "send_mail", "read_file")


@pytest.fixture(autouse=True)
def _client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client without an account, without settings of the user, and with no way out."""
    import os

    for name in list(os.environ):
        if name.startswith(("CLAUDE", "ANTHROPIC")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    (tmp_path / "client").mkdir()
    for name, value in {
        "HOME": str(tmp_path / "client"),
        "ANTHROPIC_API_KEY": "dummy",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)


def box(tools: Tools) -> Any:
    """The test tools as an MCP server in this process."""

    def made(name: str) -> Any:
        @tool(name, name, {"type": "object", "properties": {}})
        async def run(parameters: dict[str, Any]) -> dict[str, Any]:
            return {"content": [{"type": "text", "text": tools.ran(name, **parameters)}]}

        return run

    return create_sdk_mcp_server("box", tools=[made(name) for name in NAMES])


def drive(model: Model, options: ClaudeAgentOptions) -> str:
    """Runs one session; gives its result back."""
    options.env["ANTHROPIC_BASE_URL"] = model.url
    options.setting_sources = []

    async def main() -> str:
        async def prompt() -> AsyncIterator[dict[str, Any]]:
            yield {"type": "user", "message": {"role": "user", "content": "go"}}

        final = ""
        async for message in query(prompt=prompt(), options=options):
            if isinstance(message, ResultMessage):
                final = message.result or ""
        return final

    try:
        return asyncio.run(main())
    finally:
        model.close()


class Session(Contract):
    # Each is a session of the client.
    odd = (None, Answer("permit"), {"action": "allow"})

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def options(self, firewall: Any, redact: Any) -> dict[str, Any]:
        raise NotImplementedError

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), Model((f"mcp__box__{tool}", parameters))
        options = ClaudeAgentOptions(
            mcp_servers={"box": box(tools)},
            strict_mcp_config=True,
            cwd=self.folder,
            **self.options(firewall, redact),
        )
        final = drive(model, options)
        told = model.told() if model.requests else []
        seen = [block["content"] for block in told]
        text = json.dumps(seen) if seen else final
        return Ran(tools.calls, text, seen, final)


class TestHooks(Session):
    """The hooks, where the client itself would let everything pass."""

    def options(self, firewall: Any, redact: Any) -> dict[str, Any]:
        more: dict[str, Any] = {"hooks": hooks(firewall, redact=redact)} if firewall else {}
        return {"permission_mode": "bypassPermissions", **more}

    def test_the_text_of_a_tools_exception_is_masked_or_does_not_reach_the_model(
        self, tmp_path: Path
    ) -> None:
        """The one promise that the client does not let us keep: it takes no other text for a call that failed."""
        error = RuntimeError(f"key {SECRET} end")
        ran = self.run(interceptor(tmp_path), "read_file", {"path": "a"}, result=error)
        assert len(ran.calls) == 1
        assert SECRET in ran.told, (
            "the client has learnt it: mask in `PostToolUseFailure`, and change the manual"
        )


def answered(options: ClaudeAgentOptions, *calls: tuple[str, dict[str, Any]]) -> list[str]:
    """What the model was told about its calls."""
    model = Model(*calls)
    drive(model, options)
    return [json.dumps(block["content"]) for block in model.told()]


def test_tools_of_the_client_itself_are_judged_and_masked(tmp_path: Path) -> None:
    from agentfirewall import Interceptor

    (tmp_path / "secret.txt").write_text(f"key {SECRET} end\n")
    policy = tmp_path / "policy.yaml"
    rule = "{name: no-touch, tools: [Bash], resources: ['touch *'], action: deny, reason: No touching}"
    policy.write_text(f"version: '1.0'\nname: t\ndefault_action: allow\nrules:\n  - {rule}\n")
    firewall = Interceptor(policy_path=str(policy), log_path=str(tmp_path / "audit.jsonl"))
    told = answered(
        ClaudeAgentOptions(permission_mode="bypassPermissions", hooks=hooks(firewall), cwd=tmp_path),
        ("Bash", {"command": f"touch {tmp_path}/ran", "description": "-"}),
        ("Bash", {"command": f"cat {tmp_path}/secret.txt", "description": "-"}),
        ("Read", {"file_path": f"{tmp_path}/secret.txt"}),
    )
    assert "No touching" in told[0]
    assert not (tmp_path / "ran").exists()
    for one in told[1:]:
        assert SECRET not in one
        assert "key " in one
        assert " end" in one


def test_a_result_of_the_clients_own_tool_that_cannot_be_checked_ends_the_run(tmp_path: Path) -> None:
    def broken(text: str) -> str:
        raise RuntimeError

    (tmp_path / "a.txt").write_text("never seen\n")
    model = Model(
        ("Read", {"file_path": f"{tmp_path}/a.txt"}), ("Bash", {"command": f"touch {tmp_path}/next"})
    )
    ours = hooks(Answering(Answer("allow")), redact=broken)
    drive(model, ClaudeAgentOptions(permission_mode="bypassPermissions", hooks=ours, cwd=tmp_path))
    assert not (tmp_path / "next").exists()
    assert not any("never seen" in json.dumps(request) for request in model.requests)


def test_an_allowed_call_is_no_approval(tmp_path: Path) -> None:
    """Without a permission the client asks; nobody is there to say yes, and the firewall does not."""
    firewall = Answering(Answer("allow"))
    [told] = answered(
        ClaudeAgentOptions(hooks=hooks(firewall), cwd=tmp_path),
        ("Bash", {"command": f"touch {tmp_path}/ran", "description": "-"}),
    )
    assert not (tmp_path / "ran").exists()
    assert "agentfirewall" not in told


@pytest.mark.parametrize("failure", ["raises", "does not answer in time"])
def test_a_hook_that_fails_blocks_the_call(tmp_path: Path, failure: str) -> None:
    """What the SDK and its client do with a hook that fails: the last line, should ours ever be one."""

    async def fails(*_: Any) -> Any:
        if failure == "raises":
            raise RuntimeError
        await asyncio.sleep(60)

    ours = hooks(Answering(Answer("allow")))
    for matchers in ours.values():
        for matcher in matchers:
            assert matcher.on_failure == "block"
    [before] = ours["PreToolUse"]
    before.hooks, before.timeout = [fails], 1
    [told] = answered(
        ClaudeAgentOptions(permission_mode="bypassPermissions", hooks=ours, cwd=tmp_path),
        ("Bash", {"command": f"touch {tmp_path}/ran", "description": "-"}),
    )
    assert told
    assert not (tmp_path / "ran").exists()


def test_a_call_without_its_fields_is_denied() -> None:
    ours = hooks(Answering(Answer("allow")))
    [hook] = ours["PreToolUse"][0].hooks
    broken: list[Any] = [{}, None, {"tool_name": "Bash"}, {"tool_name": "", "tool_input": {}}]
    for data in [*broken, {"tool_name": "Bash", "tool_input": "ls"}]:
        answer: Any = asyncio.run(hook(data, None, {"signal": None}))  # type: ignore[arg-type]
        assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"
    allowed: Any = {"tool_name": "Bash", "tool_input": {"command": "ls"}}
    assert asyncio.run(hook(allowed, None, {"signal": None})) == {}  # type: ignore[arg-type]


def test_the_callback_denies_with_the_reason_and_approves_what_passes(tmp_path: Path) -> None:
    context = ToolPermissionContext()

    def asked(firewall: Any, tool: str) -> Any:
        return asyncio.run(can_use_tool(firewall)(tool, {"path": "a"}, context))  # type: ignore[arg-type]

    denied = asked(interceptor(tmp_path), "delete_file")
    assert isinstance(denied, PermissionResultDeny)
    assert "Deleting is for people" in denied.message
    assert isinstance(asked(interceptor(tmp_path), "send_mail"), PermissionResultDeny)
    assert asked(interceptor(tmp_path), "read_file") == PermissionResultAllow()
    for firewall in [Broken(), *map(Answering, ODD)]:
        refused = asked(firewall, "read_file")
        assert isinstance(refused, PermissionResultDeny)
        assert "could not judge" in refused.message


def test_the_callback_is_asked_by_the_real_client(tmp_path: Path) -> None:
    tools, model = (
        Tools(),
        Model(("mcp__box__delete_file", {"path": "a"}), ("mcp__box__read_file", {"path": "a"})),
    )
    firewall = interceptor(tmp_path)
    drive(
        model,
        ClaudeAgentOptions(
            mcp_servers={"box": box(tools)}, can_use_tool=can_use_tool(firewall), cwd=tmp_path
        ),
    )
    assert tools.calls == [("read_file", {"path": "a"})]
    assert "Deleting is for people" in str(model.told()[0])


def test_calls_of_subagents_are_judged(tmp_path: Path) -> None:
    class Asked:
        def __init__(self) -> None:
            self.names: list[str] = []

        def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
            self.names.append(tool_name)
            return Answer("deny" if tool_name == "Bash" else "allow", "not here")

    class Nested(Model):
        """The agent asks for a subagent, the subagent for a command."""

        def respond(self, body: dict[str, Any]) -> tuple[str, str]:
            first = json.dumps(body["messages"][0]["content"])
            command = {"command": f"touch {tmp_path}/ran", "description": "-"}
            start = {"prompt": "inner work", "description": "d", "subagent_type": "general-purpose"}
            inner = "inner work" in first
            self.calls = (("Bash", command),) if inner else (("Agent", start),)
            return super().respond(body)

    model, firewall = Nested(), Asked()
    drive(model, ClaudeAgentOptions(permission_mode="bypassPermissions", hooks=hooks(firewall), cwd=tmp_path))
    assert "Bash" in firewall.names
    assert not (tmp_path / "ran").exists()
    assert any("not here" in json.dumps(request["messages"]) for request in model.requests)


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work(monkeypatch: pytest.MonkeyPatch) -> None:
    tools, model = Tools(), Model(("mcp__box__delete_file", {"path": "a"}))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", model.url)
    for name in ("ANTHROPIC_API_KEY", "IS_SANDBOX"):
        monkeypatch.setenv(name, "1")
    manual("Claude Agent SDK", 0, files=box(tools))
    model.close()
    assert not tools.calls
    assert "Deleting is for people" in str(model.told())
