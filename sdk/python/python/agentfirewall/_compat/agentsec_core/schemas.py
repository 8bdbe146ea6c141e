"""The types of policies, decisions and records."""

from agentfirewall.schemas import (
    AuditEvent,
    Policy,
    PolicyAction,
    PolicyDecision,
    PolicyRule,
    Severity,
    Violation,
)

__all__ = [
    "AuditEvent",
    "Policy",
    "PolicyAction",
    "PolicyDecision",
    "PolicyRule",
    "Severity",
    "Violation",
]
