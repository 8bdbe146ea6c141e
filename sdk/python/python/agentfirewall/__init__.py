"""A policy-enforced firewall for the tool calls of AI agents.

    >>> from agentfirewall import Interceptor, PolicyAction
    >>> interceptor = Interceptor(policy_path=".agentfirewall/policy.yaml")
    >>> decision = interceptor.check("Bash", {"command": "rm -rf /"})
    >>> decision.action == PolicyAction.DENY
    True

The same policy, plugins and audit log as the program `agentfirewall`, which is in the same wheel.
"""

from __future__ import annotations

import os
import sys

from agentfirewall._audit import AuditLog, AuditLogger, Verification
from agentfirewall._errors import (
    AuditError,
    FirewallError,
    PluginError,
    PolicyError,
    PolicyViolationError,
)
from agentfirewall._interceptor import Interceptor, redact, scan_path, scan_text
from agentfirewall._native import __version__
from agentfirewall._plugins import Span, Subject, detector, matcher, sink
from agentfirewall._program import executable
from agentfirewall.schemas import (
    AuditEvent,
    Policy,
    PolicyAction,
    PolicyDecision,
    PolicyRule,
    RuleRef,
    Severity,
    Violation,
)

__all__ = [
    "AuditError",
    "AuditEvent",
    "AuditLog",
    "AuditLogger",
    "FirewallError",
    "Interceptor",
    "PluginError",
    "Policy",
    "PolicyAction",
    "PolicyDecision",
    "PolicyError",
    "PolicyRule",
    "PolicyViolationError",
    "RuleRef",
    "Severity",
    "Span",
    "Subject",
    "Verification",
    "Violation",
    "__version__",
    "detector",
    "executable",
    "matcher",
    "redact",
    "scan_path",
    "scan_text",
    "sink",
]

# `agentsec_core` for programs of the original. At the end of the path, so that the real one comes first if it is there.
# An installed wheel has the same line in a `.pth` file; this is for packages that are found by PYTHONPATH alone.
_COMPAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_compat")
if _COMPAT not in sys.path:
    sys.path.append(_COMPAT)
