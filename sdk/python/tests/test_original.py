"""The original beside ours: the same program with both, and every difference is known and has a reason in the manual."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("compat_program.py")
MANUAL = Path(__file__).parents[3] / "docs/src/python.md"

#: What is different: the original's result, then ours.
DIFFERENT: dict[str, tuple[Any, Any]] = {
    "the words of the enumerations": (
        [["critical", "error", "warning", "info"], ["allow", "deny", "log", "alert"]],
        [["critical", "error", "warning", "info"], ["allow", "deny", "log", "alert", "ask"]],
    ),
    "a policy with an unknown key": ("nothing", ["ValueError"]),
    "the reason of the default action": (
        "No matching rule; using default action 'alert'",
        "no rule of the user policy is about this Other call",
    ),
    "resources": (["deny", "deny"], ["deny", "allow"]),
    "a rule without tools": ("allow", "deny"),
    "a secret in the parameters": ("raises", "deny"),
    "an ordinary long word in the parameters": ("raises", "allow"),
    "wrap and positional arguments": ("nothing", ["PolicyViolationError"]),
    "no policy at all": (["ValueError"], "nothing"),
    "the text of a finding": ([True], [False]),
    "a secret in a comment": (False, True),
    "an ordinary token": (True, False),
    "scanning a file of another suffix": (False, True),
}


def results(python: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    (folder / ".agentfirewall").mkdir()
    policy = Path(".agentfirewall/policy.yaml").read_text()
    # The original does not know `ask`.
    (folder / ".agentfirewall/policy.yaml").write_text(policy.split("  - name: mail-needs-a-person")[0])
    done = subprocess.run(
        [python, str(PROGRAM)], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_our_results(tmp_path: Path) -> None:
    ours = results(sys.executable, tmp_path / "ours")
    for name, (_, expected) in DIFFERENT.items():
        assert ours[name] == expected, name
    raised = {name for name, value in ours.items() if isinstance(value, str) and value.startswith("raises")}
    assert raised == set()


@pytest.mark.skipif("AGENTFIREWALL_ORIGINAL" not in os.environ, reason="no environment with the original")
def test_the_original_differs_where_the_manual_says_so(tmp_path: Path) -> None:
    ours = results(sys.executable, tmp_path / "ours")
    theirs = results(os.environ["AGENTFIREWALL_ORIGINAL"], tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    different = {name: (theirs[name], ours[name]) for name in ours if ours[name] != theirs[name]}
    assert different == DIFFERENT


def test_every_difference_has_its_reason_in_the_manual() -> None:
    text = MANUAL.read_text()
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert set(DIFFERENT) <= rows
