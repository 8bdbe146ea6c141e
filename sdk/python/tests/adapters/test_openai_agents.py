"""OpenAI Agents SDK: a real run with a scripted model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from agentfirewall.adapters.openai_agents import guard, guardrails
from agents import (
    Agent,
    FunctionTool,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    Usage,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import MCPServerStdio
from agents.sandbox import SandboxAgent
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from support import SECRET, Answer, Answering, Contract, Ran, Tools, interceptor, manual, mcp_server

QUIET = RunConfig(tracing_disabled=True)


class Scripted(Model):
    """Calls one tool, then ends. Keeps what it was sent."""

    def __init__(self, name: str, arguments: str) -> None:
        self.call = ResponseFunctionToolCall(
            arguments=arguments, call_id="call_1", name=name, type="function_call", id="fc_1"
        )
        self.seen: list[Any] = []

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(json.loads(json.dumps(input, default=str)))
        end = ResponseOutputMessage(
            id="msg_1",
            content=[ResponseOutputText(text="finished", type="output_text", annotations=[])],
            role="assistant",
            status="completed",
            type="message",
        )
        return ModelResponse(output=[end if self.told() else self.call], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise NotImplementedError

    def told(self) -> list[Any]:
        """The tool outputs in the last request."""
        last = self.seen[-1]
        items = [] if isinstance(last, str) else last
        return [item["output"] for item in items if item.get("type") == "function_call_output"]


def toolbox(tools: Tools) -> list[Any]:
    return [function_tool(function) for function in tools.functions()]


class TestAgent(Contract):
    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), Scripted(tool, json.dumps(parameters))
        agent: Agent[Any] = Agent(name="helper", model=model, tools=toolbox(tools))
        if firewall:
            guard(firewall, agent, redact=redact)
        answer = asyncio.run(Runner.run(agent, "go", run_config=QUIET))
        [told] = model.told()
        return Ran(tools.calls, told, model.seen, answer.final_output)


def test_guardrails_for_a_tool_made_by_hand(tmp_path: Path) -> None:
    rails, ran = guardrails(interceptor(tmp_path)), []

    @function_tool(tool_input_guardrails=[rails.input], tool_output_guardrails=[rails.output])
    def delete_file(path: str) -> str:
        """Deletes a file."""
        ran.append(path)
        return path

    model = Scripted("delete_file", '{"path": "a"}')
    asyncio.run(Runner.run(Agent(name="helper", model=model, tools=[delete_file]), "go", run_config=QUIET))
    assert not ran
    assert "Deleting is for people" in model.told()[0]


@pytest.mark.parametrize("arguments", ["[1]", "null", '"text"', '{"path": ', "{'path': 1}"])
def test_arguments_that_are_no_object_stop_the_tool(arguments: str) -> None:
    tools, model = Tools(), Scripted("read_file", arguments)
    agent: Agent[Any] = Agent(name="helper", model=model, tools=toolbox(tools))
    asyncio.run(Runner.run(guard(Answering(Answer("allow")), agent), "go", run_config=QUIET))
    assert not tools.calls
    assert "could not judge" in model.told()[0]


def test_a_structured_result_is_masked(tmp_path: Path) -> None:
    tools, model = Tools({"a": ["b", {"c": f"x {SECRET}"}]}), Scripted("read_file", '{"path": "a"}')
    agent: Agent[Any] = Agent(name="helper", model=model, tools=toolbox(tools))
    asyncio.run(Runner.run(guard(interceptor(tmp_path), agent), "go", run_config=QUIET))
    assert SECRET not in model.told()[0]
    assert "x " in model.told()[0]


def test_agents_behind_handoffs_are_guarded_and_guarded_once(tmp_path: Path) -> None:
    tools = Tools()
    inner: Agent[Any] = Agent(name="inner", tools=toolbox(tools))
    outer: Agent[Any] = Agent(name="outer", handoffs=[inner])
    inner.handoffs.append(outer)
    for _ in range(2):
        guard(interceptor(tmp_path), outer)
    for one in inner.tools:
        assert isinstance(one, FunctionTool)
        assert len(one.tool_input_guardrails or []) == len(one.tool_output_guardrails or []) == 1


def test_an_agent_that_is_a_tool_is_guarded_too(tmp_path: Path) -> None:
    tools, model = Tools(), Scripted("delete_file", '{"path": "a"}')
    inner: Agent[Any] = Agent(name="inner", model=model, tools=toolbox(tools))
    outer = Scripted("inner", '{"input": "go"}')
    agent: Agent[Any] = Agent(name="outer", model=outer, tools=[inner.as_tool("inner", "the inner one")])
    asyncio.run(Runner.run(guard(interceptor(tmp_path), agent), "go", run_config=QUIET))
    assert not tools.calls
    assert "Deleting is for people" in model.told()[0]


def test_what_cannot_be_guarded_is_refused(tmp_path: Path) -> None:
    hosted: Agent[Any] = Agent(name="helper", tools=[WebSearchTool()])
    with pytest.raises(ValueError, match="web_search"):
        guard(interceptor(tmp_path), hosted)
    assert guard(interceptor(tmp_path), hosted, unguarded=["web_search"]) is hosted
    sandbox: Agent[Any] = SandboxAgent(name="helper")
    with pytest.raises(ValueError, match="capability"):
        guard(interceptor(tmp_path), sandbox)
    hidden: Agent[Any] = Agent(name="helper", handoffs=[handoff(Agent(name="other"))])
    with pytest.raises(ValueError, match="other"):
        guard(interceptor(tmp_path), hidden)


@pytest.mark.parametrize("prefixed", [False, True])
def test_tools_of_mcp_servers_are_judged_with_the_servers_name(tmp_path: Path, prefixed: bool) -> None:
    class Noting:
        def __init__(self) -> None:
            self.inner = interceptor(tmp_path)
            self.names: list[str] = []

        def check(self, tool_name: str, parameters: dict[str, Any], /) -> object:
            self.names.append(tool_name)
            return self.inner.check(tool_name, parameters)

    firewall = Noting()
    command, flag = mcp_server(tmp_path)

    async def main(tool: str) -> list[Any]:
        async with MCPServerStdio({"command": command[0], "args": command[1:]}, name="my files") as server:
            model = Scripted(f"mcp_my_files__{tool}" if prefixed else tool, '{"path": "a"}')
            agent: Agent[Any] = Agent(name="helper", model=model, mcp_servers=[server])
            agent.mcp_config = {"include_server_in_tool_names": prefixed}
            await Runner.run(guard(firewall, agent), "go", run_config=QUIET)
            return model.told()

    assert "Deleting is for people" in str(asyncio.run(main("delete_file")))
    assert not flag.exists()
    assert "read a" in str(asyncio.run(main("read_file")))
    assert flag.read_text() == "read_file"
    assert firewall.names == ["mcp__my files__delete_file", "mcp__my files__read_file"]


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work() -> None:
    tools, model = Tools(), Scripted("delete_file", '{"path": "a"}')
    names = manual(
        "OpenAI Agents SDK",
        0,
        model=model,
        delete_file=toolbox(tools)[0],
        mail_server=None,
        RunConfig=RunConfig,
    )
    assert names["answer"].final_output == "finished"
    assert not tools.calls
    assert "Deleting is for people" in model.told()[0]
    names = manual("OpenAI Agents SDK", 1)
    [tool] = [value for value in names.values() if isinstance(value, FunctionTool)]
    assert tool.tool_input_guardrails
    assert tool.tool_output_guardrails
