"""Google ADK: a real runner with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from agentfirewall.adapters.google_adk import FirewallPlugin, callbacks
from google.adk.agents import Agent
from google.adk.apps import App
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
from pydantic import Field
from support import SECRET, Contract, Ran, Tools, interceptor, manual


class Scripted(BaseLlm):
    """Calls one tool, then ends. Keeps what it was sent."""

    model: str = "scripted"
    name: str
    parameters: dict[str, Any]
    seen: list[Any] = Field(default_factory=list)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        self.seen.append(
            [content.model_dump(mode="json", exclude_none=True) for content in llm_request.contents]
        )
        if self.told():
            part = types.Part(text="finished")
        else:
            call = types.FunctionCall(id="call_1", name=self.name, args=self.parameters)
            part = types.Part(function_call=call)
        yield LlmResponse(content=types.Content(role="model", parts=[part]))

    def told(self) -> list[Any]:
        """The function responses in the last request."""
        parts = [part for content in self.seen[-1] for part in content["parts"]]
        return [part["function_response"]["response"] for part in parts if "function_response" in part]


def toolbox(tools: Tools) -> list[Any]:
    return [*tools.functions()]


def drive(app: App) -> str:
    """Runs an app with one message; gives the last text back."""

    async def main() -> str:
        runner = InMemoryRunner(app=app)
        session = await runner.session_service.create_session(app_name=app.name, user_id="u")
        text = ""
        message = types.Content(role="user", parts=[types.Part(text="go")])
        async for event in runner.run_async(user_id="u", session_id=session.id, new_message=message):
            for part in (event.content.parts if event.content else None) or []:
                text = part.text or text
        return text

    return asyncio.run(main())


class TestPlugin(Contract):
    def run(
        self,
        firewall: Any,
        tool: str,
        parameters: dict[str, Any],
        result: object = "done",
        redact: Callable[[str], str] | None = None,
    ) -> Ran:
        tools, model = Tools(result), Scripted(name=tool, parameters=parameters)
        final = drive(self.app(toolbox(tools), model, firewall, redact))
        [told] = model.told()
        return Ran(tools.calls, next(iter(told.values())), model.seen, final)

    def app(self, tools: list[Any], model: Any, firewall: Any, redact: Any) -> App:
        plugins: list[Any] = [FirewallPlugin(firewall, redact=redact)] if firewall else []
        return App(name="helper", root_agent=Agent(name="helper", model=model, tools=tools), plugins=plugins)


class TestCallbacks(TestPlugin):
    """The same by the callbacks of one agent."""

    def app(self, tools: list[Any], model: Any, firewall: Any, redact: Any) -> App:
        before, after = callbacks(firewall, redact=redact) if firewall else (None, None)
        agent = Agent(
            name="helper", model=model, tools=tools, before_tool_callback=before, after_tool_callback=after
        )
        return App(name="helper", root_agent=agent)


def test_the_tools_of_sub_agents_are_judged_by_the_plugin(tmp_path: Path) -> None:
    tools, model = Tools(), Scripted(name="delete_file", parameters={"path": "a"})
    inner = Agent(name="inner", model=model, tools=toolbox(tools))
    move = Scripted(name="transfer_to_agent", parameters={"agent_name": "inner"})
    outer = Agent(name="outer", model=move, sub_agents=[inner])
    # The transfer is a call of the framework's own tool: allowed, and judged as such. The inner model sees its answer.
    model.__class__ = _Inner
    drive(App(name="helper", root_agent=outer, plugins=[FirewallPlugin(interceptor(tmp_path))]))
    assert not tools.calls
    assert "Deleting is for people" in str(model.seen[-1])


class _Inner(Scripted):
    def told(self) -> list[Any]:
        return [one for one in super().told() if "error" in one]


def test_a_structured_result_keeps_its_shape(tmp_path: Path) -> None:
    tools = Tools({"a": ["b", {"c": f"x {SECRET}"}], "n": 1})
    model = Scripted(name="read_file", parameters={"path": "a"})
    agent = Agent(name="helper", model=model, tools=toolbox(tools))
    drive(App(name="helper", root_agent=agent, plugins=[FirewallPlugin(interceptor(tmp_path))]))
    [told] = model.told()
    assert told["n"] == 1
    assert told["a"][0] == "b"
    assert told["a"][1]["c"].startswith("x ")
    assert SECRET not in str(told)


@pytest.mark.usefixtures("project")
def test_the_lines_of_the_manual_work() -> None:
    for block in (0, 1):
        tools, model = Tools(), Scripted(name="delete_file", parameters={"path": "a"})
        names = manual("Google ADK", block, model=model, delete_file=toolbox(tools)[0])
        drive(names.get("app") or App(name="helper", root_agent=names["agent"]))
        assert not tools.calls
        assert "Deleting is for people" in str(model.told())
