"""Trainings, and shorter ones in their place."""
