"""What the tests of the adapters share is in `support.py` beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def policy() -> str:
    """The policy of the project that the tests run in."""
    from support import POLICY

    return POLICY
