"""Errors of a user's module in a pass, as sentences that say what would be right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nas.candidate import Candidate

if TYPE_CHECKING:
    from nas.batch import Batch


def explained(error: BaseException, candidate: Candidate, batch: Batch) -> str:
    """What a module has that no proxy can score; empty where that is not the reason.

    It runs the module once more, so it is for what failed already.
    """
    text = str(error)
    if isinstance(error, TypeError) and (more := _more_inputs(text)):
        return (
            f"forward() takes more than one input ({more}), and a network is scored on one "
            f"tensor: wrap it in a module whose forward takes one and adds the others"
        )
    real = batch.inputs.is_floating_point()
    if real and "indices" in text and "Expected tensor for argument" in text:
        return (
            "an embedding of this network takes tokens, and the inputs are real numbers: give "
            "whole numbers, int64"
        )
    shape = _outputs(candidate, batch)
    if shape is not None and len(shape) < 2:
        return f"the network gives outputs of shape {shape}: logits (batch, classes) are needed"
    return ""


def _more_inputs(text: str) -> str:
    """The names of the arguments that a pass lacks; empty if it lacks none."""
    found = re.search(r"forward\(\) missing \d+ required positional arguments?: (.*)", text)
    return found[1].replace("'", "") if found else ""


def _outputs(candidate: Candidate, batch: Batch) -> tuple[int, ...] | None:
    """The shape of a module's outputs; None for networks of layers, and where a pass fails."""
    from torch import no_grad

    try:
        if candidate.network is not None:
            return None
        with no_grad():
            return tuple(candidate.model()(batch.inputs).shape)
    except Exception:  # its own mistake, which is the reason already
        return None
