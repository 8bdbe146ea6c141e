"""The original's page, word for word, from the installed wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import agentfirewall
import pytest

PAGE = """
from agentfirewall import Interceptor, PolicyViolationError
from agentsec_core.schemas import PolicyAction

# From a policy file
interceptor = Interceptor(policy_path=".agentfirewall/policy.yaml")

# Check a tool call (returns PolicyDecision, never raises)
decision = interceptor.check("Bash", {"command": "rm -rf /"})
if decision.action == PolicyAction.DENY:
    print(f"Blocked: {decision.reason}")

# Check and raise on deny
try:
    interceptor.check_or_raise("Bash", {"command": "rm -rf /"})
except PolicyViolationError as e:
    print(f"Violation: {e.decision.reason}")

# Decorator pattern
@interceptor.wrap("data_export")
def export_data(**kwargs):
    ...  # Only runs if policy allows
"""


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_the_package_is_the_installed_one() -> None:
    assert "site-packages" in agentfirewall.__file__


def test_the_python_section_runs_word_for_word(project: Path) -> None:
    done = run(sys.executable, "-c", PAGE)
    assert done.stderr == ""
    # Also denied by the built-in protection or by a rule: either way both lines are printed with one reason.
    blocked, violation = done.stdout.splitlines()
    assert blocked.startswith("Blocked: ") and violation.startswith("Violation: ")
    assert blocked.split(": ", 1)[1] == violation.split(": ", 1)[1] == "Dangerous shell commands blocked"
    assert (project / ".agentfirewall/audit.jsonl").read_text().count('"event_type":"policy_check"') == 2


def test_agentsec_core_alone_is_importable() -> None:
    done = run(
        sys.executable, "-c", "from agentsec_core.schemas import PolicyAction; print(PolicyAction.DENY.value)"
    )
    assert (done.stdout, done.stderr) == ("deny\n", "")


def test_the_quick_start_runs_with_the_program_of_the_wheel(project: Path) -> None:
    program = agentfirewall.executable()
    for path in (project / ".agentfirewall").iterdir():
        path.unlink()
    assert run(program, "init").returncode == 0
    assert run(program, "install").returncode == 0
    settings = json.loads((project / ".claude/settings.local.json").read_text())
    hook = settings["hooks"]["PreToolUse"][0]["hooks"][0]
    # The hook starts the program itself, not Python.
    assert "python" not in os.path.basename(json.dumps(hook).split()[0])
    payload = {
        "session_id": "s",
        "hook_event_name": "PreToolUse",
        "cwd": str(project),
        "tool_name": "Bash",
        "tool_input": {"command": "rm -rf /"},
    }
    denied = run(program, "hook", "pre-tool-use", input=json.dumps(payload))
    assert denied.returncode == 2, denied.stderr
    payload["tool_input"] = {"command": "git status"}
    passed = run(program, "hook", "pre-tool-use", input=json.dumps(payload))
    assert (passed.returncode, passed.stderr) == (0, "")


def test_the_program_is_no_script() -> None:
    with open(agentfirewall.executable(), "rb") as file:
        assert file.read(4) in (b"\x7fELF", b"\xcf\xfa\xed\xfe")


def test_nothing_but_the_standard_library_is_imported() -> None:
    code = (
        "import sys; before = set(sys.modules); import agentfirewall; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = run(sys.executable, "-I", "-c", code)
    mine = {"agentfirewall"}
    loaded = set(eval(done.stdout)) - mine
    known = getattr(sys, "stdlib_module_names", None)
    assert known is None or loaded <= set(known), loaded
    # What is slow to import is not imported.
    assert not loaded & {"asyncio", "inspect", "dataclasses", "subprocess", "urllib", "json", "typing"}


def test_the_package_says_its_types_and_what_everything_is_for() -> None:
    folder = Path(agentfirewall.__file__).parent
    assert (folder / "py.typed").is_file() and (folder / "_native.pyi").is_file()
    assert all(
        getattr(agentfirewall, name).__doc__ for name in agentfirewall.__all__ if name != "__version__"
    )


def test_the_wheel_needs_no_other_distribution() -> None:
    import importlib.metadata

    distribution = importlib.metadata.distribution("agentfirewall-rs")
    assert distribution.requires in (None, [])
    assert distribution.version == agentfirewall.__version__


def test_the_real_agentsec_core_comes_first(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere/agentsec_core"
    real.mkdir(parents=True)
    (real / "__init__.py").write_text("WHO = 'the real one'\n")
    environment = {**os.environ, "PYTHONPATH": str(real.parent)}
    code = "import agentfirewall, agentsec_core; print(agentsec_core.WHO)"
    assert run(sys.executable, "-c", code, env=environment).stdout == "the real one\n"


@pytest.mark.parametrize("module", ["schemas", "policy", "logger", "scanner", "alerts"])
def test_every_module_of_the_original_is_there(module: str) -> None:
    names = {
        "schemas": "Severity PolicyAction Violation PolicyRule Policy PolicyDecision AuditEvent",
        "policy": "load_policy load_policy_from_string evaluate merge_policies",
        "logger": "AuditLogger",
        "scanner": "scan_text scan_parameters scan_file",
        "alerts": "create_alerter SlackAlert DiscordAlert",
    }[module]
    import importlib

    loaded = importlib.import_module(f"agentsec_core.{module}")
    assert all(hasattr(loaded, name) for name in names.split())
