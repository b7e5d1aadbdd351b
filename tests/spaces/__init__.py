"""The spaces that are here."""
