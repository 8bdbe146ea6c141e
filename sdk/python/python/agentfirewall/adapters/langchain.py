"""LangChain and LangGraph: an agent middleware.

    from langchain.agents import create_agent

    from agentfirewall import Interceptor
    from agentfirewall.adapters.langchain import FirewallMiddleware

    agent = create_agent(model, tools=[delete_file], middleware=[FirewallMiddleware(Interceptor())])
    answer = agent.invoke({"messages": [("user", "tidy up")]})

Put it last in the list: the last middleware is the innermost, so nothing can change a call between the firewall and the tool.
A LangGraph graph without `create_agent` gives it to its tool node:

    firewall = FirewallMiddleware(Interceptor())
    ToolNode(tools, wrap_tool_call=firewall.wrap_tool_call, awrap_tool_call=firewall.awrap_tool_call)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable
from typing import Any, Callable, Union, cast

from langchain.agents.middleware import AgentMiddleware, ToolCallRequest
from langchain_core.messages import BaseMessage, ToolMessage
from langgraph.types import Command

from ._guard import Firewall, Guard, Refusal

__all__ = ["FirewallMiddleware"]

Answer = Union[ToolMessage, "Command[Any]"]


class FirewallMiddleware(AgentMiddleware[Any, Any, Any]):
    """Judges every tool call of an agent, and masks secrets in the results.

    A call that is denied, or that a person would have to approve, is answered with a `ToolMessage` of status `error` that
    says why; the tool is not run. `redact` masks secrets in a text; the interceptor's own is used without it.
    """

    def __init__(self, firewall: Firewall, *, redact: Callable[[str], str] | None = None) -> None:
        super().__init__()
        self._guard = Guard(firewall, redact)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Answer]
    ) -> Answer:
        """Judges a call; called by LangGraph."""
        call = cast("dict[str, Any]", request.tool_call)
        refusal = self._guard.call(call.get("name"), call.get("args"))
        return _refused(call, refusal) if refusal else self._checked(call, handler(request))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Answer]]
    ) -> Answer:
        """The same for asynchronous runs."""
        call = cast("dict[str, Any]", request.tool_call)
        refusal = await self._guard.acall(call.get("name"), call.get("args"))
        return _refused(call, refusal) if refusal else self._checked(call, await handler(request))

    def _checked(self, call: dict[str, Any], answer: Answer) -> Answer:
        return cast("Answer", self._masked(call, answer))

    def _masked(self, call: dict[str, Any], value: object) -> object:
        """The answer with secrets masked; the very same object where there are none.

        A result comes as a message, or as messages in a command's state update, and a tool may give several of either.
        """
        if isinstance(value, BaseMessage):
            checked = self._guard.result(value.content)
            if checked.refusal:
                return _refused(call, checked.refusal)
            return value.model_copy(update={"content": checked.value}) if checked.changed else value
        if isinstance(value, Command):
            command = cast("Command[Any]", value)  # type: ignore[redundant-cast]
            update = self._masked(call, command.update)
            return command if update is command.update else dataclasses.replace(command, update=update)
        if isinstance(value, dict):
            state = cast("dict[object, object]", value)
            masked = {key: self._masked(call, item) for key, item in state.items()}
            return state if all(masked[key] is item for key, item in state.items()) else masked
        if isinstance(value, (list, tuple)):
            old = cast("list[object]", value)
            new = [self._masked(call, item) for item in old]
            if all(one is other for one, other in zip(new, old)):
                return old
            return new if isinstance(value, list) else tuple(new)
        if isinstance(value, str):
            checked = self._guard.result(value)
            return checked.refusal.message if checked.refusal else checked.value
        # Anything else is the program's own state, and no text.
        return value


def _refused(call: dict[str, Any], refusal: Refusal) -> ToolMessage:
    return ToolMessage(
        refusal.message,
        tool_call_id=str(call.get("id") or ""),
        name=str(call.get("name") or ""),
        status="error",
    )
