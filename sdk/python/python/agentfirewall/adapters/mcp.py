"""MCP: client sessions of the Python SDK.

    from mcp import ClientSession
    from mcp.client.stdio import stdio_client

    from agentfirewall import Interceptor
    from agentfirewall.adapters.mcp import guard

    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        guard(session, Interceptor(), server="files")
        await session.initialize()
        answer = await session.call_tool("delete_file", {"path": "notes.txt"})

A call is judged as `mcp__<server>__<tool>`. The name of the server is yours to give: the one a server gives itself is no
reason to trust it.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from mcp import ClientSession
from mcp.types import CallToolResult
from pydantic import BaseModel

from ._guard import Firewall, Guard

__all__ = ["CallRefused", "FirewallSession", "guard"]

TSession = TypeVar("TSession", bound=ClientSession)


class CallRefused(RuntimeError):
    """A call that is not run, where a tool result cannot say so: one that was to run as a task."""


def guard(
    session: TSession, firewall: Firewall, *, server: str, redact: Callable[[str], str] | None = None
) -> TSession:
    """Puts the firewall in front of a session, in place, and gives the session back.

    Every `tools/call` request of the session is judged, whichever of its methods makes it. A refused one never leaves the
    program; its result has `isError` and says why. With version 2 of the SDK it works for `Client.session` too. `redact`
    masks secrets in a text; the interceptor's own is used without it.

    Raises `ValueError` for a name that is empty or has `__` in it.
    """
    if not server or "__" in server:
        raise ValueError(
            "the name of a server is not empty and has no `__`: rules could not tell it from its tools"
        )
    watched = _Watched(session.send_request, Guard(firewall, redact), server)
    session.__dict__["send_request"] = watched.send_request
    return session


class FirewallSession(ClientSession):
    """A `ClientSession` behind the firewall: the two are followed by the parameters of `ClientSession`.

    async with FirewallSession(Interceptor(), "mail", read, write) as session: ...
    """

    def __init__(
        self,
        firewall: Firewall,
        server: str,
        *args: Any,
        redact: Callable[[str], str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        guard(self, firewall, server=server, redact=redact)


class _Watched:
    """The one method through which all requests of a session go."""

    def __init__(self, send_request: Callable[..., Any], judge: Guard, server: str) -> None:
        self._send_request = send_request
        self._judge = judge
        self._server = server

    async def send_request(self, request: Any, result_type: Any, *args: Any, **kwargs: Any) -> Any:
        # Version 1 of the SDK has its requests in a root model.
        inner: Any = getattr(request, "root", request)
        if getattr(inner, "method", None) != "tools/call":
            return await self._send_request(request, result_type, *args, **kwargs)
        parameters: Any = getattr(inner, "params", None)
        tool: object = getattr(parameters, "name", None)
        arguments: object = getattr(parameters, "arguments", None)
        name = f"mcp__{self._server}__{tool}" if isinstance(tool, str) and tool else None
        refusal = await self._judge.acall(name, {} if arguments is None else arguments)
        if refusal:
            # The task of an MCP call is answered with its handle, which a refused call does not have.
            if getattr(parameters, "task", None) is not None:
                raise CallRefused(refusal.message)
            return _error(refusal.message)
        return self._checked(await self._send_request(request, result_type, *args, **kwargs))

    def _checked(self, result: object) -> object:
        if not isinstance(result, CallToolResult):
            return result
        plain = _dump(result)
        checked = self._judge.result(plain)
        if checked.refusal:
            return _error(checked.refusal.message)
        return CallToolResult.model_validate(checked.value) if checked.changed else result


def _dump(result: BaseModel) -> Any:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def _error(message: str) -> CallToolResult:
    # Aliases, because the names of the fields differ between the versions of the SDK.
    return CallToolResult.model_validate({"content": [{"type": "text", "text": message}], "isError": True})
