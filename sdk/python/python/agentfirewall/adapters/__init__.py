"""Adapters: the firewall inside the agent frameworks.

One module a framework, each imported by its own name, so that nothing but what is asked for is loaded::

    from agentfirewall.adapters.langchain import FirewallMiddleware

| framework | module | what it has |
|---|---|---|
| OpenAI Agents SDK | `agentfirewall.adapters.openai_agents` | `guard`, `guardrails` |
| LangChain, LangGraph | `agentfirewall.adapters.langchain` | `FirewallMiddleware` |
| Claude Agent SDK | `agentfirewall.adapters.claude_agent_sdk` | `hooks`, `can_use_tool` |
| CrewAI | `agentfirewall.adapters.crewai` | `FirewallHooks` |
| Microsoft Agent Framework | `agentfirewall.adapters.agent_framework` | `FirewallMiddleware` |
| Google ADK | `agentfirewall.adapters.google_adk` | `FirewallPlugin`, `callbacks` |
| Strands Agents | `agentfirewall.adapters.strands` | `FirewallHooks` |
| MCP | `agentfirewall.adapters.mcp` | `guard`, `FirewallSession` |

All of them keep the same promises:

- deny and ask: the tool is not run, and the model or the caller is told why;
- an exception of the firewall, an answer it should not give, a call without a name or with parameters that are no object: the same;
- allow, log and alert are silent: nothing is added to the call, to its result or to the conversation;
- secrets in a result are masked before the model sees it, where the framework lets a result be replaced.

The frameworks are not dependencies of this package. A module whose framework is not installed ends with `ModuleNotFoundError`.
"""
