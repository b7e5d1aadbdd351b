"""The strategies that are here."""
