"""Google ADK: a plugin for a runner, or callbacks for one agent.

    from google.adk.agents import Agent
    from google.adk.apps import App

    from agentfirewall import Interceptor
    from agentfirewall.adapters.google_adk import FirewallPlugin

    agent = Agent(name="helper", model=model, tools=[delete_file])
    app = App(name="helper", root_agent=agent, plugins=[FirewallPlugin(Interceptor())])

A plugin holds for all agents of the runner, sub-agents too. Without one:

    before, after = callbacks(Interceptor())
    agent = Agent(..., before_tool_callback=before, after_tool_callback=after)
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable, NamedTuple, cast

from google.adk.plugins.base_plugin import BasePlugin
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext

from ._guard import Firewall, Guard

__all__ = ["Callbacks", "FirewallPlugin", "callbacks"]


class FirewallPlugin(BasePlugin):
    """Judges every tool call of a runner, and masks secrets in the results.

    A call that is not run is answered with `{"error": why}`. ADK asks plugins before an agent's own callbacks, and the first
    plugin with an answer ends the list: put this one first, and let no callback of an agent change arguments. `redact` masks
    secrets in a text; the interceptor's own is used without it.
    """

    def __init__(
        self,
        firewall: Firewall,
        *,
        redact: Callable[[str], str] | None = None,
        name: str = "agentfirewall",
    ) -> None:
        super().__init__(name=name)
        self._guard = Guard(firewall, redact)

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        """Judges a call; called by ADK."""
        return await _before(self._guard, tool, tool_args)

    async def after_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext, result: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Masks secrets in a result; called by ADK."""
        return _after(self._guard, result)


class Callbacks(NamedTuple):
    """The callbacks of one agent."""

    #: For `before_tool_callback`.
    before: Callable[[BaseTool, dict[str, Any], ToolContext], Awaitable[dict[str, Any] | None]]
    #: For `after_tool_callback`.
    after: Callable[[BaseTool, dict[str, Any], ToolContext, dict[str, Any]], dict[str, Any] | None]


def callbacks(firewall: Firewall, *, redact: Callable[[str], str] | None = None) -> Callbacks:
    """The callbacks for an `LlmAgent`. They do not reach its sub-agents.

    Put the first last in a list of `before_tool_callback`, so that it judges what the others made of a call.
    """
    judge = Guard(firewall, redact)

    # ADK calls them with these names.
    async def before(
        tool: BaseTool, args: dict[str, Any], tool_context: ToolContext
    ) -> dict[str, Any] | None:
        return await _before(judge, tool, args)

    def after(
        tool: BaseTool, args: dict[str, Any], tool_context: ToolContext, tool_response: dict[str, Any]
    ) -> dict[str, Any] | None:
        return _after(judge, tool_response)

    return Callbacks(before, after)


async def _before(judge: Guard, tool: object, parameters: object) -> dict[str, Any] | None:
    refusal = await judge.acall(getattr(tool, "name", None), parameters)
    return {"error": refusal.message} if refusal else None


def _after(judge: Guard, result: object) -> dict[str, Any] | None:
    checked = judge.result(result)
    if checked.refusal:
        return {"error": checked.refusal.message}
    if not checked.changed:
        return None
    value: object = checked.value
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"result": value}
