"""Batches."""

from __future__ import annotations

import torch

from nas.batch import Batch


def test_a_batch_moves_with_its_labels() -> None:
    batch = Batch(torch.zeros(2, 3), torch.tensor([4, 5])).to("meta")
    assert batch.labels is not None
    assert batch.inputs.device.type == batch.labels.device.type == "meta"
    assert Batch(torch.zeros(2, 3)).to("meta").labels is None
