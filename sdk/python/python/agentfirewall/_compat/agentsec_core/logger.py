"""The audit log."""

from agentfirewall._audit import AuditLogger

__all__ = ["AuditLogger"]
