"""Threads and forked processes."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import agentfirewall
import pytest
from agentfirewall import Interceptor, PolicyAction

EACH = 60


def work(firewall: Interceptor, name: str, wrong: list[str]) -> None:
    for number in range(EACH):
        denied = firewall.check("Bash", {"command": f"sudo {name} {number}"}).action
        passed = firewall.check("Read", {"file_path": f"{name}-{number}"}).action
        if (denied, passed) != (PolicyAction.DENY, PolicyAction.ALLOW):
            wrong.append(f"{name} {number}: {denied} {passed}")


def test_eight_threads_and_eight_processes_write_one_chain(project: Path) -> None:
    firewall = Interceptor(policy_path=".agentfirewall/policy.yaml")
    firewall.check("Read", {"file_path": "before"})
    wrong: list[str] = []
    threads = [threading.Thread(target=work, args=(firewall, f"t{n}", wrong)) for n in range(8)]
    for thread in threads:
        thread.start()
    children = []
    for n in range(8):
        pid = os.fork()
        if pid == 0:
            # A child that goes on with what its parent had, while other threads of the parent were at work.
            mine: list[str] = []
            work(firewall, f"p{n}", mine)
            os._exit(1 if mine else 0)
        children.append(pid)
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "a thread hangs"
    deadline = time.monotonic() + 120
    codes = []
    for pid in children:
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                codes.append(status)
                break
            assert time.monotonic() < deadline, "a process hangs"
            time.sleep(0.01)
    assert wrong == [] and codes == [0] * 8
    log = firewall.audit_log
    assert len(log) == 1 + 16 * EACH * 2
    verification = log.verify()
    assert verification.intact, verification.faults
    assert verification.report["chains"] == 1


def test_the_log_may_be_moved_cut_or_written_by_others_meanwhile(project: Path) -> None:
    import subprocess

    firewall = Interceptor(policy_path=".agentfirewall/policy.yaml")
    log = project / ".agentfirewall/audit.jsonl"
    firewall.check("one")
    code = "import agentfirewall; agentfirewall.Interceptor().check('two')"
    subprocess.run([sys.executable, "-c", code], check=True)
    firewall.check("three")
    assert [event.tool_name for event in firewall.audit_log] == ["one", "two", "three"]
    assert firewall.audit_log.verify()
    with open(log, "a") as file:
        file.write('{"torn')
    firewall.check("four")
    assert firewall.audit_log.verify() and firewall.audit_log.query(last=1)[0].tool_name == "four"
    log.rename(project / "elsewhere")
    firewall.check("five")
    assert [event.tool_name for event in firewall.audit_log] == ["five"] and firewall.audit_log.verify()
    log.unlink()
    firewall.check("six")
    assert [event.tool_name for event in firewall.audit_log] == ["six"] and firewall.audit_log.verify()


@pytest.mark.usefixtures("plugins")
def test_a_fork_while_a_python_detector_works() -> None:
    @agentfirewall.detector("slow", keywords=["wake"], timeout=20)
    def slow(text: str) -> list[tuple[int, int]]:
        time.sleep(0.2)
        return []

    firewall = Interceptor(policy_path=".agentfirewall/policy.yaml")
    thread = threading.Thread(target=firewall.check, args=("Read", {"file_path": "wake"}))
    thread.start()
    time.sleep(0.05)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if firewall.check("Read", {"file_path": "wake"}).allowed else 1)
    assert os.waitpid(pid, 0)[1] == 0
    thread.join()


def test_native_work_lets_other_threads_run() -> None:
    firewall = Interceptor(policy_path=".agentfirewall/policy.yaml", log_path=None)
    ticks = [0]
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=tick)
    thread.start()
    long = "word password = hunter2 " * 200_000
    before = ticks[0]
    firewall.scan_text(long)
    during = ticks[0] - before
    stop.set()
    thread.join()
    assert during > 0
