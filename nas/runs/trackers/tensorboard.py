"""A run's steps for TensorBoard."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nas.runs.folder import flat
from nas.runs.trackers.tracker import TRACKERS, Run, Tracker
from nas.storage.files import made_folder

if TYPE_CHECKING:
    from tensorboardX import FileWriter

SECONDS = 5
"""A step is in the file after so many seconds at the latest."""
HEAD, CHECK = 12, 4
"""Bytes before and after the content of a record: its length with a checksum, and another."""


@TRACKERS.register("tensorboard")
class TensorBoard(Tracker):
    """Event files that `tensorboard --logdir` shows; the package tensorboardX writes them.

    A step is one event, so it is there whole or not at all. `path`: a folder in which every run
    gets one of its own; null: `tensorboard` in the run's folder.
    """

    # tensorboardX and protobuf are 5 MB; torch.utils.tensorboard needs the package tensorboard,
    # which is 12 packages and 61 MB, where the files are written and not only where they are seen
    package: ClassVar[str] = "tensorboardX"
    extra: ClassVar[str] = "tensorboard"

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self._writer: FileWriter | None = None

    def open(self, run: Run) -> int:
        """Go on after the last whole event; TensorBoard drops later ones of earlier files."""
        from tensorboardX import FileWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder = run.place(self.path, "tensorboard")
        made_folder(folder)
        steps = _steps(folder)
        if steps > run.steps:
            steps = 0
        before = len(_files(folder))
        # two files of one second would have one name
        self._writer = FileWriter(str(folder), flush_secs=SECONDS, filename_suffix=f".{before:04}")
        if before:
            start = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(session_log=start), step=steps)
        if steps == 0:
            self._text("settings", flat(run.settings))
        return steps

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Write the figures as one event; TensorBoard has no place for the texts of each step."""
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=each) for name, each in figures.items()]
        if self._writer is not None:
            self._writer.add_summary(Summary(value=values), step)

    def finish(self, result: Mapping[str, float | str]) -> None:
        """Write the result as a text."""
        self._text("result", result)

    def close(self) -> None:
        """Write what waits, and close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _text(self, tag: str, values: Mapping[str, object]) -> None:
        from tensorboardX.summary import text

        rows = [f"| {name} | {_cell(value)} |" for name, value in values.items()]
        if self._writer is not None:
            self._writer.add_summary(text(tag, "\n".join(["| | |", "| --- | --- |", *rows])), 0)


def _cell(value: object) -> str:
    """A value in a table of Markdown, in which | ends a cell."""
    return " ".join(str(value).split()).replace("|", "\\|")


def _steps(folder: Path) -> int:
    """How many steps the event files in a folder have, as TensorBoard shows them."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    count = 0
    for path in _files(folder):
        for record in _records(path.read_bytes()):
            event = Event.FromString(record)
            if event.session_log.status == SessionLog.START:
                count = min(count, event.step)
            if any(value.HasField("simple_value") for value in event.summary.value):
                count = max(count, event.step + 1)
    return count


def _files(folder: Path) -> list[Path]:
    """The event files in a folder, the oldest first."""
    return sorted(folder.glob("events.out.tfevents.*"), key=lambda path: path.suffix)


def _records(content: bytes) -> Iterator[bytes]:
    """The whole records of an event file; one that is cut off at the end is left out."""
    place = 0
    while place + HEAD <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + HEAD + length
        if end + CHECK > len(content):
            return
        yield content[place + HEAD : end]
        place = end + CHECK
