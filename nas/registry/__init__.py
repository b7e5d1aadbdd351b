"""Plugins by name, their options, and where other people's packages come in."""

from nas.registry.registry import Registry

__all__ = ["Registry"]
