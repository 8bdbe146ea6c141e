"""The modules of the Python original's `agentsec_core`, for programs that were written for it.

They come with `agentfirewall-rs` and stand at the end of the path: where the original is installed too, it is the one that is
imported.
"""

from agentfirewall import __version__

__all__ = ["__version__"]
