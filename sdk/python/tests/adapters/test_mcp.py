"""MCP Python SDK, versions 1 and 2: a real session with a server on standard input and output."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import mcp
import pytest
from agentfirewall.adapters.mcp import FirewallSession, guard
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from support import SECRET, Broken, Contract, Ran, interceptor, manual, mcp_server


def dump(result: Any) -> dict[str, Any]:
    plain: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain


class TestGuard(Contract):
    """Where others have a model, here the caller is told, by the result of `call_tool`."""

    backend = "asyncio"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def session(self, firewall: Any, redact: Any, read: Any, write: Any) -> ClientSession:
        session = ClientSession(read, write)
        return guard(session, firewall, server="files", redact=redact) if firewall else session

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        command, flag = mcp_server(self.folder)
        flag.unlink(missing_ok=True)
        if SECRET in str(result) or result == "unchecked":
            # The server's tools have results of their own.
            parameters = {"path": "secret" if SECRET in str(result) else "unchecked"}

        async def main() -> dict[str, Any]:
            server = StdioServerParameters(command=command[0], args=command[1:])
            async with (
                stdio_client(server) as (read, write),
                self.session(firewall, redact, read, write) as session,
            ):
                await session.initialize()
                return dump(await session.call_tool(tool, parameters))

        told = anyio.run(main, backend=self.backend)
        if not flag.exists():
            assert told["isError"] is True
        ran = [(flag.read_text(), parameters)] if flag.exists() else []
        return Ran(ran, told["content"][0]["text"], told, "finished")


class TestGuardUnderTrio(TestGuard):
    """The SDK runs on trio too."""

    backend = "trio"

    @pytest.fixture(autouse=True)
    def _trio(self) -> None:
        pytest.importorskip("trio")


class TestFirewallSession(TestGuard):
    def session(self, firewall: Any, redact: Any, read: Any, write: Any) -> ClientSession:
        if not firewall:
            return ClientSession(read, write)
        return FirewallSession(firewall, "files", read, write, redact=redact)


class Noting:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
        self.calls.append((tool_name, parameters))
        return type("Answer", (), {"action": "allow", "reason": ""})()


def connected(folder: Path, work: Callable[[ClientSession], Any]) -> Any:
    """Runs some work with a session that is not guarded yet."""
    command, _ = mcp_server(folder)

    async def main() -> Any:
        server = StdioServerParameters(command=command[0], args=command[1:])
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            return await work(session)

    return anyio.run(main)


def test_the_name_is_the_one_that_was_given_not_the_one_the_server_gives_itself(tmp_path: Path) -> None:
    firewall = Noting()

    async def work(session: ClientSession) -> None:
        guard(session, firewall, server="files")
        await session.list_tools()
        await session.call_tool("read_file", {"path": "a"})
        await session.call_tool("read_file")

    connected(tmp_path, work)
    assert firewall.calls == [("mcp__files__read_file", {"path": "a"}), ("mcp__files__read_file", {})]


def test_a_server_needs_a_name_that_rules_can_tell_from_its_tools(tmp_path: Path) -> None:
    async def work(session: ClientSession) -> None:
        for name in ("", "a__b"):
            with pytest.raises(ValueError, match="name of a server"):
                guard(session, Broken(), server=name)

    connected(tmp_path, work)


def test_a_request_that_does_not_go_through_call_tool_is_judged_too(tmp_path: Path) -> None:
    async def work(session: ClientSession) -> dict[str, Any]:
        guard(session, Broken(), server="files")
        request: Any = mcp.types.CallToolRequest.model_validate(
            {"method": "tools/call", "params": {"name": "read_file", "arguments": {}}}
        )
        wrapper = getattr(mcp.types.ClientRequest, "model_validate", None)
        if wrapper:
            request = wrapper(request)
        return dump(await session.send_request(request, mcp.types.CallToolResult))

    told = connected(tmp_path, work)
    assert told["isError"]
    assert "could not judge" in told["content"][0]["text"]
    assert not (tmp_path / "ran.txt").exists()


def test_a_call_that_would_run_as_a_task_is_refused_by_an_exception(tmp_path: Path) -> None:
    experimental = pytest.importorskip("mcp.client.experimental", reason="version 1 of the SDK only")
    assert experimental

    async def work(session: Any) -> None:
        guard(session, interceptor(tmp_path), server="files")
        with pytest.raises(RuntimeError, match="Deleting is for people"):
            await session.experimental.call_tool_as_task("delete_file", {"path": "a"})

    connected(tmp_path, work)
    assert not (tmp_path / "ran.txt").exists()


def test_the_session_of_a_version_2_client_is_guarded_by_the_same_line(tmp_path: Path) -> None:
    if not hasattr(mcp, "Client"):
        pytest.skip("version 2 of the SDK only")
    from mcp.server.mcpserver import MCPServer

    server, ran = MCPServer("trusted"), []

    @server.tool()
    def delete_file(path: str) -> str:
        ran.append(path)
        return "done"

    @server.tool()
    def read_file(path: str) -> str:
        return f"key {SECRET} end"

    async def main() -> list[dict[str, Any]]:
        client: AbstractAsyncContextManager[Any] = mcp.Client(server)
        async with client as one:
            guard(one.session, interceptor(tmp_path), server="files")
            return [dump(await one.call_tool(name, {"path": "a"})) for name in ("delete_file", "read_file")]

    denied, masked = anyio.run(main)
    assert not ran
    assert denied["isError"]
    assert "Deleting is for people" in str(denied)
    assert SECRET not in json.dumps(masked)
    assert masked["structuredContent"]["result"].startswith("key ")


def test_the_lines_of_the_manual_work(project: Path) -> None:
    command, flag = mcp_server(project)
    server = StdioServerParameters(command=command[0], args=command[1:])
    names = manual("MCP", 0, server=server)
    assert not flag.exists()
    assert "Deleting is for people" in str(dump(names["answer"]))
