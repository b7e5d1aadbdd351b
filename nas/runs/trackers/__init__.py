"""Trackers: where a run's settings, trials and winner are logged beside its own folder."""

from nas.runs.trackers.tracker import TRACKERS, Run, Tracker

__all__ = ["TRACKERS", "Run", "Tracker"]
