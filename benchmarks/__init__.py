"""Measurements; each is a script that prints figures, and one JSON object on the last line."""
