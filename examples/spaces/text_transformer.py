"""Small transformers that guess the next letter of a text.

`python examples/spaces/text_transformer.py` searches them. The text is the beginning of Lewis
Carroll's "Alice's Adventures in Wonderland" (1865), in the public domain: 26 letters and a space.
"""

from __future__ import annotations

import torch

import nas
from nas import SPACES, Space
from nas.batch import Batch
from nas.network import Builder, Network, ops

TEXT = """alice was beginning to get very tired of sitting by her sister on the bank and of having
nothing to do once or twice she had peeped into the book her sister was reading but it had no
pictures or conversations in it and what is the use of a book thought alice without pictures or
conversations so she was considering in her own mind as well as she could for the hot day made her
feel very sleepy and stupid whether the pleasure of making a daisy chain would be worth the trouble
of getting up and picking the daisies when suddenly a white rabbit with pink eyes ran close by
her there was nothing so very remarkable in that nor did alice think it so very much out of the
way to hear the rabbit say to itself oh dear oh dear i shall be late"""
TOKENS = torch.tensor([max(ord(letter) - 96, 0) for letter in TEXT])


@SPACES.register("text_transformer")
class TextTransformer(Space):
    """One to three layers of attention and a perceptron, before each its norm."""

    decisions = {"depth": (1, 2, 3), "width": (16, 32), "heads": (1, 2, 4), "hidden": (1, 2, 4)}
    inputs = (24,)
    vocabulary = 27

    def network(self, depth: int, width: int, heads: int, hidden: int) -> Network:
        """Letters and their places as vectors, layers, a mean and a linear layer."""
        net = Builder(self.inputs)
        node = net.chain(net.input, ops.Embedding(27, width), ops.Positions(24, width))
        net.mark(node)
        for _ in range(depth):
            read = net.chain(node, ops.LayerNorm(width), ops.Attention(width, heads))
            node = net.add(ops.Add(), node, read)
            inner, outer = ops.Linear(width, hidden * width), ops.Linear(hidden * width, width)
            thought = net.chain(node, ops.LayerNorm(width), inner, ops.GELU(), outer)
            node = net.mark(net.add(ops.Add(), node, thought))
        net.chain(node, ops.LayerNorm(width), ops.SequenceMean(), ops.Linear(width, 27))
        return net.build()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Random windows of the text, labelled with the letter that comes next."""
        starts = torch.randint(len(TOKENS) - 24, (size,), generator=generator)
        windows = TOKENS[starts[:, None] + torch.arange(25)]
        return Batch(windows[:, :24], windows[:, 24])


if __name__ == "__main__":
    found = nas.search("text_transformer", "zico", budget=12, finals=None)
    print(found.arch, found.best.score)
