"""LangChain 1 and LangGraph 1: a real agent with a scripted chat model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from agentfirewall.adapters.langchain import FirewallMiddleware
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command
from pydantic import Field
from support import SECRET, Answer, Answering, Broken, Contract, Ran, Tools, interceptor, manual
from typing_extensions import Annotated


class Scripted(BaseChatModel):
    """Calls one tool, then ends. Keeps what it was sent."""

    calls: list[dict[str, Any]]
    seen: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(messages)
        first = not any(isinstance(message, ToolMessage) for message in messages)
        answer = AIMessage("", tool_calls=self.calls) if first else AIMessage("finished")
        return ChatResult(generations=[ChatGeneration(message=answer)])


def scripted(name: str, args: Any) -> Scripted:
    return Scripted(calls=[{"name": name, "args": args, "id": "call_1"}])


def toolbox(tools: Tools) -> list[BaseTool]:
    return [tool(function) for function in tools.functions()]


def outcome(tools: Tools, model: Scripted, answer: dict[str, Any]) -> Ran:
    last = model.seen[-1]
    told = next(message for message in last if isinstance(message, ToolMessage))
    assert told.tool_call_id == "call_1"
    seen = [[{**message.model_dump(), "id": None} for message in one] for one in model.seen]
    return Ran(tools.calls, told.text, seen, answer["messages"][-1].text)


class TestCreateAgent(Contract):
    """`create_agent`, run synchronously: `wrap_tool_call`."""

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), scripted(tool, parameters)
        middleware = [FirewallMiddleware(firewall, redact=redact)] if firewall else []
        agent = create_agent(model, tools=toolbox(tools), middleware=middleware)
        return outcome(tools, model, self.invoke(agent, {"messages": [HumanMessage("go", id="1")]}))

    def invoke(self, agent: Any, state: Any) -> Any:
        return agent.invoke(state)


class TestCreateAgentAsync(TestCreateAgent):
    """The same, run asynchronously: `awrap_tool_call`."""

    def invoke(self, agent: Any, state: Any) -> Any:
        return asyncio.run(agent.ainvoke(state))


class TestToolNode(Contract):
    """A LangGraph graph of one's own with a `ToolNode`."""

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), scripted(tool, parameters)
        wrap = FirewallMiddleware(firewall, redact=redact).wrap_tool_call if firewall else None
        node = ToolNode(toolbox(tools), wrap_tool_call=wrap)
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.add_node("tools", node)
        graph.add_edge(START, "model")
        graph.add_conditional_edges(
            "model", lambda state: "tools" if state["messages"][-1].tool_calls else END
        )
        graph.add_edge("tools", "model")
        return outcome(tools, model, graph.compile().invoke({"messages": [HumanMessage("go", id="1")]}))


def test_a_refusal_is_an_error_of_the_tool_call(tmp_path: Any) -> None:
    model = scripted("delete_file", {"path": "a"})
    agent = create_agent(
        model, tools=toolbox(Tools()), middleware=[FirewallMiddleware(interceptor(tmp_path))]
    )
    agent.invoke({"messages": [HumanMessage("go")]})
    told = model.seen[-1][-1]
    assert isinstance(told, ToolMessage)
    assert (told.status, told.name, told.tool_call_id) == ("error", "delete_file", "call_1")


def test_each_call_of_a_parallel_batch_is_judged(tmp_path: Any) -> None:
    tools = Tools()
    names = ["delete_file", "read_file", "delete_file"]
    model = Scripted(
        calls=[{"name": name, "args": {"path": str(at)}, "id": f"call_{at}"} for at, name in enumerate(names)]
    )
    agent = create_agent(model, tools=toolbox(tools), middleware=[FirewallMiddleware(interceptor(tmp_path))])
    agent.invoke({"messages": [HumanMessage("go")]})
    assert tools.calls == [("read_file", {"path": "1"})]
    told = {one.tool_call_id: one.text for one in model.seen[-1] if isinstance(one, ToolMessage)}
    assert "denied" in told["call_0"]
    assert "denied" in told["call_2"]
    assert told["call_1"] == "done"


def test_a_result_that_comes_as_a_command_or_as_blocks_is_masked(tmp_path: Any) -> None:
    @tool
    def by_command(call: Annotated[str, InjectedToolCallId]) -> Any:
        """Answers with a state update."""
        return Command(update={"messages": [ToolMessage(f"a {SECRET} b", tool_call_id=call)]})

    @tool
    def by_blocks() -> Any:
        """Answers with content blocks."""
        return [{"type": "text", "text": f"a {SECRET} b"}]

    @tool
    def by_several(call: Annotated[str, InjectedToolCallId]) -> Any:
        """Answers with a message and a state update."""
        message = ToolMessage(f"a {SECRET} b", tool_call_id=call)
        return [Command(update={"messages": [HumanMessage(f"x {SECRET}")]}), message]

    for one in (by_command, by_blocks, by_several):
        model = scripted(one.name, {})
        agent = create_agent(model, tools=[one], middleware=[FirewallMiddleware(interceptor(tmp_path))])
        agent.invoke({"messages": [HumanMessage("go")]})
        told = model.seen[-1][-1]
        assert SECRET not in str(model.seen[-1])
        assert told.text.startswith("a ")
        assert told.text.endswith(" b")


@pytest.mark.parametrize("call", [{"args": {}}, {"name": "", "args": {}}, {"name": "t"}])
def test_a_call_without_a_name_or_parameters_is_not_run(call: dict[str, Any]) -> None:
    ran: list[Any] = []

    def handler(request: Any) -> Any:
        ran.append(request)

    request: Any = SimpleNamespace(tool_call=call)
    told = FirewallMiddleware(Answering(Answer("allow"))).wrap_tool_call(request, handler)
    assert ran == []
    assert isinstance(told, ToolMessage)
    assert told.status == "error"


def test_a_tool_that_the_agent_does_not_have_is_judged_too(tmp_path: Any) -> None:
    model = scripted("x__delete_file", {"path": "a"})
    agent = create_agent(
        model, tools=toolbox(Tools()), middleware=[FirewallMiddleware(interceptor(tmp_path))]
    )
    agent.invoke({"messages": [HumanMessage("go")]})
    assert "Deleting is for people" in model.seen[-1][-1].text


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work() -> None:
    tools = Tools()
    model = scripted("delete_file", {"path": "a"})
    names = manual("LangChain and LangGraph", 0, model=model, delete_file=toolbox(tools)[0])
    assert tools.calls == []
    assert "Deleting is for people" in names["answer"]["messages"][-2].text
    tools, firewall = Tools(), Broken()
    names = manual("LangChain and LangGraph", 1, tools=toolbox(tools), firewall=FirewallMiddleware(firewall))
    call = AIMessage("", tool_calls=[{"name": "read_file", "args": {"path": "a"}, "id": "1"}])
    graph = StateGraph(MessagesState)
    graph.add_node("tools", names["node"])
    graph.add_edge(START, "tools")
    graph.compile().invoke({"messages": [call]})
    assert tools.calls == []
