"""What can go wrong, one class a kind. No message holds a secret."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentfirewall.schemas import PolicyDecision


class FirewallError(Exception):
    """Anything that is wrong with the firewall itself, in one line."""


class PolicyError(FirewallError, ValueError):
    """A policy cannot be used: its text is wrong, or it asks for a plugin that is not there."""


class AuditError(FirewallError, OSError):
    """The audit log cannot be read or written."""


class PluginError(FirewallError, ValueError):
    """A plugin written in Python cannot be registered."""


class PolicyViolationError(Exception):
    """A call is not to be run. `decision` says why."""

    decision: PolicyDecision

    def __init__(self, decision: PolicyDecision) -> None:
        super().__init__(f"Policy violation: {decision.reason}")
        self.decision = decision

    def __reduce__(self) -> tuple[type[PolicyViolationError], tuple[PolicyDecision]]:
        return (type(self), (self.decision,))
