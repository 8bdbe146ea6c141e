"""What the tests share: a project of their own, and nothing of the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Made up, of a known shape, and never whole in this repository.
SECRET = "ghp_" + "StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"

#: What `cargo xtask python` gives: the Python of an environment with the original, and a library with a native plugin.
GIVEN = ("AGENTFIREWALL_ORIGINAL", "AGENTFIREWALL_LIBRARY")

POLICY = """\
version: "1.0"
name: "my-policy"
description: "Custom security policy"
default_action: log

rules:
  - name: allow-read-operations
    tools: ["Read", "Glob", "Grep"]
    action: allow
    reason: "Read operations are safe"

  - name: block-dangerous-bash
    tools: ["Bash"]
    resources: ["rm -rf *", "sudo *"]
    action: deny
    reason: "Dangerous shell commands blocked"

  - name: alert-mcp-tools
    tools: ["mcp__*"]
    action: alert
    reason: "MCP tool calls flagged for review"

  - name: log-all-writes
    tools: ["Write", "Edit"]
    action: log
    reason: "File modifications logged"

  - name: mail-needs-a-person
    tools: ["send_mail"]
    action: ask
    reason: "Mail needs a person"
"""


@pytest.fixture
def policy() -> str:
    """The policy of the project that the tests run in."""
    return POLICY


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str) -> Iterator[Path]:
    """The working folder: a project with a policy, and nothing of the user's own."""
    for name in list(os.environ):
        if name.startswith(("XDG_", "AGENTFIREWALL_", "CLAUDE")) and name not in GIVEN:
            monkeypatch.delenv(name)
    home, folder = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    (folder / ".agentfirewall").mkdir(parents=True)
    (folder / ".agentfirewall/policy.yaml").write_text(policy)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(folder)
    yield folder


@pytest.fixture
def plugins() -> Iterator[None]:
    """Takes out what a test registers."""
    from agentfirewall import _native

    before = set(_native.registered())
    yield
    for kind, id in set(_native.registered()) - before:
        assert _native.unregister(kind, id)
