"""Microsoft Agent Framework: a real agent with a scripted chat client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    MiddlewareFailure,
    tool,
)
from agentfirewall.adapters.agent_framework import FirewallMiddleware
from support import SECRET, Contract, Ran, Tools, interceptor, manual


class Scripted(FunctionInvocationLayer[Any], ChatMiddlewareLayer[Any], BaseChatClient[Any]):
    """Calls one tool, then ends. Keeps what it was sent."""

    def __init__(self, name: str, parameters: Any) -> None:
        super().__init__()
        self.call = Content.from_function_call(call_id="call_1", name=name, arguments=parameters)
        self.seen: list[Any] = []

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **kwargs: Any) -> Any:
        contents = [[content.to_dict() for content in message.contents] for message in messages]
        # The framework makes up an `id` for each run.
        self.seen.append([[{**content, "id": None} for content in one] for one in contents])

        async def answer() -> ChatResponse[Any]:
            content = Content.from_text("finished") if self.told() else self.call
            return ChatResponse(messages=[Message(role="assistant", contents=[content])])

        return answer()

    def told(self) -> list[Any]:
        """The function results in the last request."""
        return [one for contents in self.seen[-1] for one in contents if one["type"] == "function_result"]


def toolbox(tools: Tools) -> list[Any]:
    return [tool(function, approval_mode="never_require") for function in tools.functions()]


def drive(agent: Any) -> str:
    """Runs an agent; gives its last text back."""

    async def main() -> str:
        answer = await agent.run("go")
        return str(answer.text)

    return asyncio.run(main())


class TestAgent(Contract):
    """Where the firewall fails it is the caller who is told, by an exception that ends the run."""

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, client = Tools(result), Scripted(tool, json.dumps(parameters))
        middleware = [FirewallMiddleware(firewall, redact=redact)] if firewall else []
        agent = Agent(client=client, tools=toolbox(tools), middleware=middleware)
        try:
            final = drive(agent)
        except MiddlewareFailure as failure:
            assert not client.told()
            return Ran(tools.calls, str(failure), client.seen)
        [told] = client.told()
        return Ran(tools.calls, told["result"], client.seen, final)


def test_the_result_of_a_call_with_several_contents_keeps_its_shape(tmp_path: Path) -> None:
    image = Content.from_data(data=b"\x89PNG", media_type="image/png")
    tools = Tools([Content.from_text(f"x {SECRET}"), image])
    client = Scripted("read_file", '{"path": "a"}')
    agent = Agent(client=client, tools=toolbox(tools), middleware=[FirewallMiddleware(interceptor(tmp_path))])
    drive(agent)
    [told] = client.told()
    assert SECRET not in str(told)
    assert "x " in str(told)
    assert str(image.uri) in str(told)


def test_arguments_that_the_tool_would_reject_are_judged_as_they_came(tmp_path: Path) -> None:
    tools, client = Tools(), Scripted("delete_file", '{"path": ["not a text"], "more": 1}')
    agent = Agent(client=client, tools=toolbox(tools), middleware=[FirewallMiddleware(interceptor(tmp_path))])
    drive(agent)
    assert not tools.calls
    assert "Deleting is for people" in str(client.told())


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work() -> None:
    tools, client = Tools(), Scripted("delete_file", '{"path": "a"}')
    names = manual("Microsoft Agent Framework", 0, client=client, delete_file=toolbox(tools)[0])
    assert names["answer"].text == "finished"
    assert not tools.calls
    assert "Deleting is for people" in str(client.told())
