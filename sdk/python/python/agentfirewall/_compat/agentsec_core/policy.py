"""Policies: reading, judging, merging."""

from __future__ import annotations

import functools
from typing import Any

from agentfirewall._interceptor import Interceptor, load_policy, policy_from_text
from agentfirewall.schemas import Policy, PolicyDecision, PolicyRule

__all__ = ["evaluate", "load_policy", "load_policy_from_string", "merge_policies"]


def load_policy_from_string(yaml_str: str) -> Policy:
    """Reads a policy's text. Raises `ValueError` with every problem."""
    return policy_from_text(yaml_str)


def evaluate(policy: Policy, tool_name: str, parameters: dict[str, Any] | None = None) -> PolicyDecision:
    """Judges a call by a policy. Nothing is recorded."""
    return _judge(policy.model_dump_json()).check(tool_name, parameters)


def merge_policies(*policies: Policy) -> Policy:
    """One policy with the rules of all, in order; everything else is the last one's."""
    if not policies:
        return Policy()
    rules: list[PolicyRule] = [rule for policy in policies for rule in policy.rules]
    return policies[-1].model_copy(update={"rules": rules})


@functools.lru_cache(maxsize=32)
def _judge(policy: str) -> Interceptor:
    import json

    return Interceptor(policy=Policy.model_validate(json.loads(policy)), log_path=None)
