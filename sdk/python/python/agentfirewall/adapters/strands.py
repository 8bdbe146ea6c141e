"""Strands Agents: a hook provider.

As an agent takes it:

    from strands import Agent

    from agentfirewall import Interceptor
    from agentfirewall.adapters.strands import FirewallHooks

    agent = Agent(model=model, tools=[delete_file], hooks=[FirewallHooks(Interceptor())])
    answer = agent("tidy up")
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, cast

from strands.hooks import AfterToolCallEvent, BeforeToolCallEvent, HookProvider, HookRegistry

from ._guard import Firewall, Guard

__all__ = ["FirewallHooks"]

#: What of a result is not the tool's.
_FRAME = ("toolUseId", "status")


class FirewallHooks(HookProvider):
    """Judges every tool call of an agent, and masks secrets in the results.

    A refused call is cancelled: the model gets an error result that says why. The hooks run after all others, so that they
    see a call and a result as they will be used. `redact` masks secrets in a text; the interceptor's own is used without it.
    """

    def __init__(self, firewall: Firewall, *, redact: Callable[[str], str] | None = None) -> None:
        self._guard = Guard(firewall, redact)

    def register_hooks(self, registry: HookRegistry, **kwargs: Any) -> None:
        """Called by Strands."""
        registry.add_callback(BeforeToolCallEvent, self._before, order=math.inf)
        # The order of registration is reversed for this event; that by `order` is not.
        registry.add_callback(AfterToolCallEvent, self._after, order=math.inf)

    async def _before(self, event: BeforeToolCallEvent[Any]) -> None:
        call = _members(event.tool_use)
        refusal = await self._guard.acall(call.get("name"), call.get("input"))
        if refusal:
            event.cancel_tool = refusal.message

    async def _after(self, event: AfterToolCallEvent[Any]) -> None:
        result = cast("dict[str, Any]", event.result)
        frame = {name: value for name, value in result.items() if name in _FRAME}
        rest = {name: value for name, value in result.items() if name not in _FRAME}
        checked = self._guard.result(rest)
        if checked.refusal:
            said: list[dict[str, str]] = [{"text": checked.refusal.message}]
            changed: dict[str, Any] = {**frame, "status": "error", "content": said}
        elif checked.changed:
            changed = {**frame, **checked.value}
        else:
            return
        event.result = cast("Any", changed)


def _members(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
