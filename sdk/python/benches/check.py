"""`check` against the Python original: the same policy, the same calls, one process.

    cargo xtask python --release --bench

prints the time of one call without a log and with it, and calls a second with the log on, from an empty log up to several numbers
of records, because the original reads its whole log for every record.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RULES = 20


def policy() -> str:
    lines = ['version: "1.0"', "name: bench", "default_action: log", "rules:"]
    for number in range(RULES):
        lines += [
            f"  - name: rule-{number}",
            f'    tools: ["tool_{number}", "mcp__server{number}__*"]',
            f"    action: {'deny' if number == RULES - 1 else 'allow'}",
            f"    reason: Rule number {number}",
        ]
    return "\n".join(lines) + "\n"


#: Calls of an agent: none of the original's exceptions is among them, and all of them pass.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("tool_3", {"query": "weather in Paris", "days": 3}),
    ("mcp__server7__list", {"limit": 10}),
    ("tool_18", {"title": "notes", "tags": ["a", "b"]}),
    ("other", {"text": "hello there", "loud": False}),
]
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "a call without a path or a script": ("tool_18", {"title": "notes", "tags": ["a", "b"]}),
    "Read with a path": ("Read", {"file_path": "src/main.py"}),
    "Bash with a command": ("Bash", {"command": "git status"}),
}


def logged(count: int) -> float:
    """Calls a second with the log on."""
    from agentfirewall import Interceptor

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text(policy())
        interceptor = Interceptor(policy_path=str(file), log_path=str(Path(folder) / "audit.jsonl"))
        for tool, parameters in CALLS:
            interceptor.check(tool, parameters)
        started = time.perf_counter()
        for number in range(count):
            tool, parameters = CALLS[number % len(CALLS)]
            interceptor.check(tool, parameters)
        return count / (time.perf_counter() - started)


def single(tool: str, parameters: dict[str, Any], log: bool) -> float:
    """The quickest of several rounds, in microseconds a call."""
    from agentfirewall import Interceptor

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_text(policy())
        path = str(Path(folder) / "audit.jsonl") if log else None
        interceptor = Interceptor(policy_path=str(file), log_path=path)
        # Short rounds: between two interruptions of the machine there is a whole one.
        check, rounds, each = interceptor.check, 300, 100
        best = float("inf")
        for _ in range(rounds):
            started = time.perf_counter()
            for _ in range(each):
                check(tool, parameters)
            best = min(best, (time.perf_counter() - started) / each)
        return best * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--original", help="the Python of an environment with the original")
    parser.add_argument("--counts", default="1000,3000,10000")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        json.dump(logged(arguments.only), sys.stdout)
        return
    os.environ["HOME"] = tempfile.mkdtemp()
    for name, (tool, parameters) in SHAPES.items():
        print(
            f"{name}: {single(tool, parameters, False):.2f} us without a log, {single(tool, parameters, True):.2f} us with it"
        )
    for count in (int(text) for text in arguments.counts.split(",")):
        ours = logged(count)
        line = f"{count} calls from an empty log: {ours:.0f} calls/s"
        if arguments.original:
            command = [arguments.original, __file__, "--only", str(count)]
            alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=alone)
            theirs = float(done.stdout)
            line += f"; the original {theirs:.0f} calls/s; {ours / theirs:.0f} times"
        print(line, flush=True)


if __name__ == "__main__":
    main()
