"""CrewAI: a real crew with a scripted LLM, by native tool calls and by ReAct texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", OTEL_SDK_DISABLED="true")

import pytest
from agentfirewall.adapters.crewai import FirewallHooks
from crewai import Agent, Crew, Task
from crewai.hooks import clear_all_tool_call_hooks, get_after_tool_call_hooks, get_before_tool_call_hooks
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool
from pydantic import Field
from support import SECRET, Contract, Ran, Tools, interceptor, manual


class Native(BaseLLM):
    """Calls one tool as models with tool calls do, then ends. Keeps what it was sent."""

    name: str
    parameters: dict[str, Any]
    seen: list[Any] = Field(default_factory=list)

    def supports_function_calling(self) -> bool:
        return True

    def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(json.loads(json.dumps(messages, default=str)))
        if self.told() is not None:
            return "finished"
        arguments = json.dumps(self.parameters)
        return [{"id": "call_1", "type": "function", "function": {"name": self.name, "arguments": arguments}}]

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        return self.call(messages)

    def told(self) -> str | None:
        """The tool's answer in the last request."""
        found = [message["content"] for message in self.seen[-1] if message["role"] == "tool"]
        return found[0] if found else None


class ReAct(Native):
    """The same by text."""

    def supports_function_calling(self) -> bool:
        return False

    def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(json.loads(json.dumps(messages, default=str)))
        if self.told() is not None:
            return "Thought: done\nFinal Answer: finished"
        return f"Thought: go\nAction: {self.name}\nAction Input: {json.dumps(self.parameters)}\n"

    def told(self) -> str | None:
        text = "\n".join(message["content"] for message in self.seen[-1] if message["role"] == "assistant")
        return text.split("Observation: ", 1)[1] if "Observation: " in text else None


def toolbox(tools: Tools) -> list[Any]:
    return [tool(function.__name__)(function) for function in tools.functions()]


def crew(model: Any, tools: list[Any]) -> Crew:
    agent = Agent(role="helper", goal="help", backstory="-", llm=model, tools=tools)
    task = Task(description="go", expected_output="a text", agent=agent)
    return Crew(agents=[agent], tasks=[task], cache=False)


@pytest.fixture(autouse=True)
def _no_hooks() -> Iterator[None]:
    clear_all_tool_call_hooks()
    yield
    clear_all_tool_call_hooks()


class TestNative(Contract):
    model: type[Native] = Native

    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), self.model(model="scripted", name=tool, parameters=parameters)
        hooks = FirewallHooks(firewall, redact=redact) if firewall else None
        if hooks:
            hooks.register()
        try:
            answer = self.kickoff(crew(model, toolbox(tools)))
        finally:
            if hooks:
                hooks.unregister()
        assert not get_before_tool_call_hooks()
        assert not get_after_tool_call_hooks()
        told = model.told()
        assert told is not None
        return Ran(tools.calls, told, model.seen, answer.raw)

    def kickoff(self, crew: Crew) -> Any:
        return crew.kickoff()


class TestReAct(TestNative):
    model = ReAct


def test_an_exception_of_another_hook_does_not_open_the_door(tmp_path: Path) -> None:
    from crewai.hooks import register_before_tool_call_hook

    def broken(context: Any) -> None:
        raise RuntimeError

    tools, model = Tools(), Native(model="scripted", name="delete_file", parameters={"path": "a"})
    register_before_tool_call_hook(broken)
    with FirewallHooks(interceptor(tmp_path)):
        crew(model, toolbox(tools)).kickoff()
    assert not tools.calls
    assert "Deleting is for people" in str(model.told())


def test_a_refusal_does_not_stick_to_the_next_call(tmp_path: Path) -> None:
    from types import SimpleNamespace

    hooks: Any = FirewallHooks(interceptor(tmp_path))
    with pytest.raises(Exception, match="Deleting"):
        hooks._before(SimpleNamespace(tool_name="delete_file", tool_input={"path": "a"}))
    # The call of another program in between was never followed by the hook after it.
    hooks._before(SimpleNamespace(tool_name="read_file", tool_input={"path": "a"}))
    after = SimpleNamespace(tool_name="read_file", tool_input={"path": "a"}, tool_result="text")
    assert hooks._after(after) is None


def test_a_secret_is_masked_in_what_the_tool_really_gave(tmp_path: Path) -> None:
    tools = Tools({"a": f"x {SECRET}"})
    model = Native(model="scripted", name="read_file", parameters={"path": "a"})
    with FirewallHooks(interceptor(tmp_path)):
        crew(model, toolbox(tools)).kickoff()
    assert SECRET not in str(model.seen)
    assert "x " in str(model.told())


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work() -> None:
    tools, model = Tools(), Native(model="scripted", name="delete_file", parameters={"path": "a"})
    names = manual("CrewAI", 0, model=model, delete_file=toolbox(tools)[0])
    assert names["answer"].raw == "finished"
    assert not tools.calls
    assert "Deleting is for people" in str(model.told())
