"""Messages for Slack and Discord."""

from agentfirewall._alerts import DiscordAlert, SlackAlert, WebhookAlert, create_alerter

__all__ = ["DiscordAlert", "SlackAlert", "WebhookAlert", "create_alerter"]
