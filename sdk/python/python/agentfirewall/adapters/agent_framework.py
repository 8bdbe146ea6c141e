"""Microsoft Agent Framework: a function middleware.

    from agent_framework import Agent

    from agentfirewall import Interceptor
    from agentfirewall.adapters.agent_framework import FirewallMiddleware

    agent = Agent(client=client, tools=[delete_file], middleware=[FirewallMiddleware(Interceptor())])
    answer = await agent.run("tidy up")

Put it last in the list: the last middleware is the innermost, so nothing can change a call between the firewall and the tool.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable, cast

from agent_framework import Content, FunctionInvocationContext, FunctionMiddleware, MiddlewareFailure

from ._guard import Firewall, Guard

__all__ = ["FirewallMiddleware"]


class FirewallMiddleware(FunctionMiddleware):
    """Judges every function call of an agent, and masks secrets in the results.

    A call that is denied, or that a person would have to approve, gets the reason as its result; the function is not run.
    Where the firewall itself failed, the run ends with `MiddlewareFailure`: the framework makes any other exception a result
    and goes on. `redact` masks secrets in a text; the interceptor's own is used without it.
    """

    def __init__(self, firewall: Firewall, *, redact: Callable[[str], str] | None = None) -> None:
        self._guard = Guard(firewall, redact)

    async def process(
        self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]
    ) -> None:
        """Judges a call; called by the framework."""
        arguments: object = context.arguments
        dump = getattr(arguments, "model_dump", None)
        try:
            arguments = dump(mode="json") if callable(dump) else arguments
        except Exception as error:
            raise MiddlewareFailure(f"agentfirewall could not read a call: {type(error).__name__}") from None
        refusal = await self._guard.acall(getattr(context.function, "name", None), arguments)
        if refusal and refusal.action == "error":
            raise MiddlewareFailure(refusal.message)
        if refusal:
            context.result = refusal.message
            return
        await call_next()
        context.result = self._checked(context.result)

    def _checked(self, result: object) -> Any:
        """The result with secrets masked: the very same object where there are none."""
        if isinstance(result, list):
            old = cast("list[object]", result)
            new = [self._content(item) if isinstance(item, Content) else self._value(item) for item in old]
            return old if all(one is other for one, other in zip(new, old)) else new
        return self._content(result) if isinstance(result, Content) else self._value(result)

    def _content(self, content: Content) -> Content:
        # A request to a person holds a call that is made later, as it is.
        if content.type == "function_approval_request":
            return content
        plain = content.to_dict()
        masked = self._value(plain)
        return content if masked is plain else Content.from_dict(masked)

    def _value(self, value: object) -> Any:
        checked = self._guard.result(value)
        if checked.refusal:
            raise MiddlewareFailure(checked.refusal.message)
        return checked.value
