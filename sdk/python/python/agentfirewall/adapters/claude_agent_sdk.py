"""Claude Agent SDK: hooks, and the permission callback.

    from claude_agent_sdk import ClaudeAgentOptions, query

    from agentfirewall import Interceptor
    from agentfirewall.adapters.claude_agent_sdk import hooks

    options = ClaudeAgentOptions(hooks=hooks(Interceptor()), mcp_servers={"box": files})
    async for message in query(prompt="tidy up", options=options):
        print(message)

The hooks see every call, those of subagents and those under `bypassPermissions` too. `can_use_tool` alone does not: the client
asks it only about calls that no permission rule has settled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Mapping
from typing import Any, Callable, Union, cast

from claude_agent_sdk import (
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    ToolPermissionContext,
)
from claude_agent_sdk.types import HookContext, HookEvent, HookInput, HookJSONOutput, SyncHookJSONOutput

from ._guard import Firewall, Guard

__all__ = ["can_use_tool", "hooks"]

PermissionCallback = Callable[
    [str, dict[str, Any], ToolPermissionContext],
    Awaitable[Union[PermissionResultAllow, PermissionResultDeny]],
]


def hooks(
    firewall: Firewall, *, redact: Callable[[str], str] | None = None
) -> dict[HookEvent, list[HookMatcher]]:
    """The hooks for `ClaudeAgentOptions.hooks`: `PreToolUse` judges a call, `PostToolUse` masks secrets in its result.

    An allowed call is answered with nothing, so the client's own permission flow goes on. Add your own hooks to the lists.
    Clients that know `on_failure` are told to block if a hook fails; an older client makes the SDK refuse to connect.
    `redact` masks secrets in a text; the interceptor's own is used without it.
    """
    judge = Guard(firewall, redact)

    async def before(data: HookInput, tool_use_id: str | None, context: HookContext) -> HookJSONOutput:
        call = _members(data)
        refusal = await judge.acall(call.get("tool_name"), call.get("tool_input"))
        if refusal is None:
            return {}
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": refusal.message,
            }
        }

    async def after(data: HookInput, tool_use_id: str | None, context: HookContext) -> HookJSONOutput:
        call = _members(data)
        response: object = call.get("tool_response")
        checked = judge.result(response)
        if checked.refusal is None:
            return _replaced(checked.value) if checked.changed else {}
        message = checked.refusal.message
        if str(call.get("tool_name")).startswith("mcp__"):
            return _replaced([{"type": "text", "text": message}])
        # The client ignores a result that has not the shape of its tool's: should this one not have it, nobody
        # goes on with the original.
        return {
            **_replaced(_blank(response, message)),
            "continue_": False,
            "stopReason": message,
        }

    return {"PreToolUse": [_matcher(before)], "PostToolUse": [_matcher(after)]}


def can_use_tool(firewall: Firewall) -> PermissionCallback:
    """A callback for `ClaudeAgentOptions.can_use_tool`.

    It has no "no opinion": what the policy lets pass (`allow`, `log`, `alert`) is approved, with the input unchanged and no
    permission rule added. That is an explicit approval, so use it only where nobody else is to be asked, and beside `hooks`.
    """
    judge = Guard(firewall)

    async def decide(
        tool: str, parameters: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        refusal = await judge.acall(tool, parameters)
        return PermissionResultDeny(message=refusal.message) if refusal else PermissionResultAllow()

    return decide


def _replaced(result: object) -> SyncHookJSONOutput:
    return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": result}}


def _blank(value: object, message: str, key: object = "") -> object:
    """A result with the message for every text, and the words that say what kind of result it is."""
    if isinstance(value, str):
        return value if key == "type" or not value else message
    if isinstance(value, Mapping):
        return {
            name: _blank(item, message, name) for name, item in cast("Mapping[object, object]", value).items()
        }
    if isinstance(value, list):
        return [_blank(item, message) for item in cast("list[object]", value)]
    return value


def _members(data: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}


def _matcher(
    hook: Callable[[HookInput, str | None, HookContext], Awaitable[HookJSONOutput]],
) -> HookMatcher:
    matcher = HookMatcher(hooks=[hook])
    if any(field.name == "on_failure" for field in dataclasses.fields(HookMatcher)):
        matcher.on_failure = "block"
    return matcher
