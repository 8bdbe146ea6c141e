"""Every Python example of the manual's page runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/src/python.md", ROOT / "sdk/python/README.md", ROOT / "README.md"]


def examples() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        blocks = page.read_text().split("```python\n")[1:]
        found += [(f"{page.name}-{number}", block.split("```")[0]) for number, block in enumerate(blocks)]
    return found


@pytest.mark.parametrize(("name", "code"), examples())
def test_an_example_runs(name: str, code: str) -> None:
    # Annotations are not evaluated: the oldest Python reads `list[str]` everywhere else too.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
