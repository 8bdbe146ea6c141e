"""The native program that comes with the package."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def executable() -> str:
    """The path of the program `agentfirewall`, for hooks and for what is more than a decision."""
    for path in _candidates():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(
        "the program `agentfirewall` of this package is not there; install the wheel again"
    )


def _candidates() -> Iterator[str]:
    import sysconfig

    name = "agentfirewall.exe" if os.name == "nt" else "agentfirewall"
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for scheme in (None, _user_scheme()):
        scripts = sysconfig.get_path("scripts") if scheme is None else sysconfig.get_path("scripts", scheme)
        # Only the program that was installed with this very package.
        library = sysconfig.get_path("platlib") if scheme is None else sysconfig.get_path("platlib", scheme)
        if os.path.realpath(library) == os.path.realpath(folder):
            yield os.path.join(scripts, name)
    # `pip install --target` puts it beside the package.
    yield os.path.join(folder, "bin", name)


def _user_scheme() -> str:
    return "nt_user" if os.name == "nt" else "posix_user"
