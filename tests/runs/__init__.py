"""A search's folder."""
