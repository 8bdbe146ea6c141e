"""Messages for Slack and Discord, as the original made them."""

from __future__ import annotations

import json

from agentfirewall.schemas import AuditEvent, PolicyAction, Severity, Violation, severity_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentfirewall import _native

__all__ = ["DiscordAlert", "SlackAlert", "WebhookAlert", "create_alerter"]

#: How long a receiver may take, in seconds.
_TIMEOUT = 10.0
_COLOURS = {
    Severity.CRITICAL: 0xFF0000,
    Severity.ERROR: 0xFF4444,
    Severity.WARNING: 0xFFAA00,
    Severity.INFO: 0x00AA00,
}
_HOSTS = {
    "slack": ("hooks.slack.com", "hooks.slack-gov.com"),
    "discord": ("discord.com", "discordapp.com"),
}


class WebhookAlert:
    """Sends an event to an address. The address is a secret: no message shows it."""

    def __init__(self, webhook_url: str) -> None:
        if not _is_address(webhook_url):
            raise ValueError("a webhook is an `https://` address with a host")
        self.webhook_url = webhook_url

    def format_payload(self, event: AuditEvent) -> dict[str, Any]:
        """The event as the receiver wants it."""
        raise NotImplementedError

    def send(self, event: AuditEvent) -> bool:
        """Sends an event. Whether the receiver took it; never raises for a receiver that did not."""
        import http.client
        import urllib.error
        import urllib.request

        request = urllib.request.Request(
            self.webhook_url,
            data=json.dumps(self.format_payload(event)).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "agentfirewall"},
            method="POST",
        )

        class Stay(urllib.request.HTTPRedirectHandler):
            """What is sent goes to the address that was given and nowhere else."""

            def redirect_request(
                self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
            ) -> None:
                return None

        try:
            with urllib.request.build_opener(Stay).open(request, timeout=_TIMEOUT) as answer:
                return 200 <= int(answer.status) < 300
        except (OSError, urllib.error.URLError, http.client.HTTPException):
            return False


class SlackAlert(WebhookAlert):
    """Slack's Block Kit."""

    def format_payload(self, event: AuditEvent) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": f"AgentSec Alert: {event.event_type}"},
            },
            {
                "type": "section",
                "fields": [
                    {"type": "mrkdwn", "text": f"*Tool:* {_escaped(event.tool_name) or 'N/A'}"},
                    {"type": "mrkdwn", "text": f"*Action:* {event.action_taken.value}"},
                ],
            },
        ]
        if event.violations:
            lines = [
                f"- *[{found.severity.value.upper()}]* {_escaped(found.message)}"
                for found in event.violations[:5]
            ]
            text = "*Violations:*\n" + "\n".join(lines)
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
        return {"blocks": blocks}


class DiscordAlert(WebhookAlert):
    """Discord's embeds, with a colour for the severity."""

    def format_payload(self, event: AuditEvent) -> dict[str, Any]:
        worst = next(
            (
                severity
                for severity in _COLOURS
                if any(found.severity == severity for found in event.violations)
            ),
            Severity.INFO,
        )
        fields: list[dict[str, Any]] = [
            {"name": "Tool", "value": event.tool_name or "N/A", "inline": True},
            {"name": "Action", "value": event.action_taken.value, "inline": True},
            {"name": "Event Type", "value": event.event_type, "inline": True},
        ]
        if event.violations:
            lines = [f"- [{found.severity.value.upper()}] {found.message}" for found in event.violations[:5]]
            fields.append({"name": "Violations", "value": "\n".join(lines)})
        return {
            "embeds": [
                {
                    "title": f"AgentSec Alert: {event.event_type}",
                    "color": _COLOURS[worst],
                    "fields": fields,
                    "timestamp": event.timestamp.isoformat(),
                }
            ],
            # A tool's name must not call a whole server.
            "allowed_mentions": {"parse": []},
        }


def create_alerter(webhook_url: str) -> WebhookAlert:
    """The alerter for an address, by its host. Raises `ValueError` for a host that is neither Slack's nor Discord's."""
    host = _host(webhook_url)
    if host in _HOSTS["slack"]:
        return SlackAlert(webhook_url)
    if host in _HOSTS["discord"] or host.endswith(tuple("." + name for name in _HOSTS["discord"])):
        return DiscordAlert(webhook_url)
    raise ValueError(
        "a webhook address is one of Slack (hooks.slack.com) or Discord (discord.com/api/webhooks)"
    )


def event_of(answer: _native.Answer, tool: str) -> AuditEvent:
    """The event of a decision, without the call's parameters."""
    return AuditEvent(
        event_type="policy_check",
        tool_name=tool,
        action_taken=PolicyAction(answer.action),
        violations=[
            Violation(detector, severity_of(severity), f"a secret ({detector})", pointer)
            for detector, pointer, severity, *_ in answer.findings
        ],
    )


def _host(address: str) -> str:
    from urllib.parse import urlsplit

    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _is_address(address: object) -> bool:
    if not isinstance(address, str) or any(character.isspace() for character in address):
        return False
    from urllib.parse import urlsplit

    return bool(_host(address)) and urlsplit(address).scheme == "https"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
