"""Plugins by name, ours and others'."""
