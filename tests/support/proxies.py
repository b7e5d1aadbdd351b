"""The proxies that look at a network."""

from __future__ import annotations

from nas import PROXIES

LOOKING = [name for name in PROXIES if not PROXIES[name].from_file]
"""The names of all that need no file."""
