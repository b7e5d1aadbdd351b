"""A network as data."""
