"""CrewAI: tool call hooks.

    from crewai import Agent, Crew, Task

    from agentfirewall import Interceptor
    from agentfirewall.adapters.crewai import FirewallHooks

    agent = Agent(role="helper", goal="help", backstory="-", llm=model, tools=[delete_file])
    task = Task(description="tidy up", expected_output="a text", agent=agent)
    with FirewallHooks(Interceptor()):
        answer = Crew(agents=[agent], tasks=[task]).kickoff()

The hooks hold for every crew of the process while they are registered. CrewAI goes on after any exception of a hook but
`HookAborted`; these hooks raise nothing else.
"""

from __future__ import annotations

import threading
from typing import Any, Callable

from crewai.hooks import (
    HookAborted,
    ToolCallHookContext,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_after_tool_call_hook,
    unregister_before_tool_call_hook,
)
from typing_extensions import Self

from ._guard import Firewall, Guard

__all__ = ["FirewallHooks"]


class FirewallHooks:
    """Judges every tool call of every crew, and masks secrets in the results.

    A context manager; `register` and `unregister` are there for programs that have no such place. Register it after hooks
    that change a call's input: hooks run in the order of their registration. `redact` masks secrets in a text; the
    interceptor's own is used without it.
    """

    def __init__(self, firewall: Firewall, *, redact: Callable[[str], str] | None = None) -> None:
        self._guard = Guard(firewall, redact)
        # CrewAI tells the model that a hook blocked the call but not why. The hook after the call, which follows at once on
        # the same thread and with the same input object, puts the reason there.
        self._refused = threading.local()

    def register(self) -> None:
        """Adds the hooks to CrewAI's."""
        register_before_tool_call_hook(self._before)
        register_after_tool_call_hook(self._after)

    def unregister(self) -> None:
        """Takes them away again."""
        unregister_before_tool_call_hook(self._before)
        unregister_after_tool_call_hook(self._after)

    def __enter__(self) -> Self:
        self.register()
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    def _before(self, context: ToolCallHookContext) -> None:
        self._refused.last = None
        tool_input: object = getattr(context, "tool_input", None)
        refusal = self._guard.call(getattr(context, "tool_name", None), tool_input)
        if refusal:
            self._refused.last = (tool_input, refusal.message)
            raise HookAborted(refusal.message, source="agentfirewall")

    def _after(self, context: ToolCallHookContext) -> str | None:
        last: tuple[Any, str] | None = getattr(self._refused, "last", None)
        self._refused.last = None
        if last is not None and last[0] is context.tool_input:
            return last[1]
        result: object = context.tool_result
        if result is None:
            return None
        checked = self._guard.result(result)
        if checked.refusal:
            return checked.refusal.message
        return str(checked.value) if checked.changed else None
