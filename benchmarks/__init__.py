"""Measurements, each a script: figures as text, and one JSON object on the last line."""
