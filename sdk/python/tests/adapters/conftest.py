"""What the tests of the adapters share is in `support.py` beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the tests' policy, where `Interceptor()` finds it, and nothing of the user's own."""
    from support import POLICY

    for name in list(os.environ):
        if name.startswith(("XDG_", "AGENTFIREWALL_", "CLAUDE")):
            monkeypatch.delenv(name)
    home, folder = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    (folder / ".agentfirewall").mkdir(parents=True)
    (folder / ".agentfirewall/policy.yaml").write_text(POLICY)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(folder)
    return folder
