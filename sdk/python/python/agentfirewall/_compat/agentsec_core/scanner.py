"""Secrets in texts, parameters and files."""

from __future__ import annotations

import os
from typing import Any

from agentfirewall import scan_text as _scan_text
from agentfirewall._interceptor import scan_value as _scan_value
from agentfirewall.schemas import Violation

__all__ = ["scan_file", "scan_parameters", "scan_text"]


def scan_text(text: str, source: str = "<inline>", rules: object = None) -> list[Violation]:
    """The secrets in a text. `rules` of the original are not taken: detectors are."""
    _no_rules(rules)
    return _scan_text(text, source)


def scan_parameters(
    params: dict[str, Any], source: str = "<params>", rules: object = None
) -> list[Violation]:
    """The secrets in every text of a call's parameters, names included."""
    _no_rules(rules)
    return _scan_value(params, source)


def scan_file(filepath: str | os.PathLike[str], rules: object = None) -> list[Violation]:
    """The secrets in a file, whatever its name ends with. A file that cannot be read has none."""
    _no_rules(rules)
    try:
        with open(filepath, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return []
    return _scan_text(text, os.fspath(filepath))


def _no_rules(rules: object) -> None:
    if rules is not None:
        raise TypeError("`rules` is not supported: register an `agentfirewall.detector` instead")
