"""OpenAI Agents SDK: tool guardrails.

    from agents import Agent, Runner

    from agentfirewall import Interceptor
    from agentfirewall.adapters.openai_agents import guard

    agent = guard(Interceptor(), Agent(name="helper", model=model, tools=[delete_file]))
    answer = await Runner.run(agent, "tidy up")

`guard` puts a guardrail on every function tool and MCP server of an agent and of the agents it hands over to. Tools without
guardrails (hosted tools, shell, computer, patch and custom tools) cannot be watched: `guard` refuses an agent that has one,
unless it is named in `unguarded`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, Callable, NamedTuple, TypeVar

from agents import (
    Agent,
    FunctionTool,
    Handoff,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
)
from agents.mcp import MCPServer

from ._guard import Firewall, Guard, Refusal, unreadable

__all__ = ["Guardrails", "guard", "guardrails"]

TContext = TypeVar("TContext")

_NAME = "agentfirewall"


class Guardrails(NamedTuple):
    """The two guardrails of a tool: what `function_tool` and MCP servers take."""

    #: For `tool_input_guardrails`: judges the call before the tool runs.
    input: ToolInputGuardrail[Any]
    #: For `tool_output_guardrails`: masks secrets in what the tool gave back.
    output: ToolOutputGuardrail[Any]


def guardrails(
    firewall: Firewall, *, server: str | None = None, redact: Callable[[str], str] | None = None
) -> Guardrails:
    """The guardrails, for a tool that is made by hand.

    `server` is the name of an MCP server whose tools are judged as `mcp__<server>__<tool>`. `redact` masks secrets in a
    text; the interceptor's own is used without it.

        rails = guardrails(Interceptor())

        @function_tool(tool_input_guardrails=[rails.input], tool_output_guardrails=[rails.output])
        def delete_file(path: str) -> str: ...
    """
    judge = Guard(firewall, redact)

    async def before(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        refusal = await _judge(judge, data, server)
        if refusal is None:
            return ToolGuardrailFunctionOutput.allow()
        return ToolGuardrailFunctionOutput.reject_content(refusal.message, {"agentfirewall": refusal.action})

    def after(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
        checked = judge.result(data.output)
        if checked.refusal:
            return ToolGuardrailFunctionOutput.reject_content(
                checked.refusal.message, {"agentfirewall": "error"}
            )
        if not checked.changed:
            return ToolGuardrailFunctionOutput.allow()
        return ToolGuardrailFunctionOutput.reject_content(str(checked.value), {"agentfirewall": "masked"})

    return Guardrails(ToolInputGuardrail(before, _NAME), ToolOutputGuardrail(after, _NAME))


def guard(
    firewall: Firewall,
    agent: Agent[TContext],
    *,
    unguarded: Collection[str] = (),
    redact: Callable[[str], str] | None = None,
) -> Agent[TContext]:
    """Puts the guardrails on everything an agent and the agents behind its handoffs can call; gives the agent back.

    Tools and servers are changed in place. Call it again after adding tools; what is guarded stays guarded once.

    Raises `ValueError` for a tool that has no guardrails and is not named in `unguarded`, for a capability of a sandbox
    agent, and for a `Handoff` object to an agent that was not reached otherwise (the SDK does not show the agent behind
    it): pass that agent to `guard`, and name it in `unguarded`.
    """
    names: set[str] = set()
    hidden: list[str] = []
    found: list[Agent[Any]] = [agent]
    seen: set[int] = set()
    while found:
        one = found.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        names.add(one.name)
        own = guardrails(firewall, redact=redact)
        for tool in one.tools:
            if isinstance(tool, FunctionTool):
                _add(tool, own)
                # An agent that is used as a tool has tools of its own.
                inner: Agent[Any] | None = getattr(tool, "_agent_instance", None)
                if inner is not None:
                    found.append(inner)
            elif tool.name not in unguarded:
                raise ValueError(
                    f"tool `{tool.name}` ({type(tool).__name__}) has no guardrails: it runs unwatched"
                )
        for capability in getattr(one, "capabilities", None) or ():
            if capability.type not in unguarded:
                raise ValueError(
                    f"capability `{capability.type}` brings tools when the agent runs: they run unwatched"
                )
        for server in one.mcp_servers:
            _add(server, guardrails(firewall, server=server.name, redact=redact))
        for handoff in one.handoffs:
            if isinstance(handoff, Handoff):
                hidden.append(handoff.agent_name)
            else:
                found.append(handoff)
    for name in hidden:
        if name not in names and name not in unguarded:
            raise ValueError(
                f"agent `{name}` is behind a `Handoff` object: guard it too, and name it in `unguarded`"
            )
    return agent


def _add(holder: FunctionTool | MCPServer, rails: Guardrails) -> None:
    # Ours judges first. It looks at results last: a masked result ends the list, and the others may want to
    # stop the run.
    before = [rail for rail in holder.tool_input_guardrails or [] if rail.name != _NAME]
    after = [rail for rail in holder.tool_output_guardrails or [] if rail.name != _NAME]
    holder.tool_input_guardrails = [rails.input, *before]
    holder.tool_output_guardrails = [*after, rails.output]


async def _judge(judge: Guard, data: ToolInputGuardrailData, server: str | None) -> Refusal | None:
    try:
        text = data.context.tool_arguments
        # The SDK's own reading: no text is an empty object.
        parameters: object = json.loads(text) if text else {}
        name = data.context.tool_name if server is None else _mcp_name(server, data.context.tool_name)
    except Exception as error:
        return unreadable(f"{type(error).__name__} while its arguments were read")
    return await judge.acall(name, parameters)


def _mcp_name(server: str, tool: str) -> str:
    # With `include_server_in_tool_names` the SDK calls a tool `mcp_<server>__<tool>`.
    prefix = f"mcp_{re.sub(r'[^a-zA-Z0-9_-]', '_', server)}__"
    return f"mcp__{server}__{tool.removeprefix(prefix)}"
