"""Plugins by name, their options, and the plugins of other packages."""

from nas.registry.registry import Registry

__all__ = ["Registry"]
