"""Every proxy by a plain computation from its formula alone.

The code is simple, with hooks and loops. It shares with `proxies/` only the random draws,
epsilon's two weights and NASGraph's list of layers. Tests compare the proxies with it, and
`python -m benchmarks.proxies` times both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import isnan, log, nan
from typing import Any

import networkx  # type: ignore[import-untyped]  # it ships no types
import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional as F

from nas import Candidate
from nas.batch import Batch
from nas.network import Conv
from nas.network.module import NetworkModule, module
from proxies._graph import Identity, units
from proxies.epsilon import Epsilon
from proxies.nasgraph import draw

ZEROS: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
"""What makes gradients by unused tensors zeros."""


def weighted(model: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """The convolutions and linear layers."""
    return [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]


def trained(candidate: Candidate, batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """Every counted weight and its gradient, after one backward pass of the loss."""
    model = candidate.model()
    backward(loss(model, batch))
    return [(part.weight.detach(), gradient(part)) for part in weighted(model)]


def loss(model: nn.Module, batch: Batch, part: Tensor | None = None) -> Tensor:
    """Mean cross entropy, of all examples or of those with some numbers."""
    logits = model(batch.inputs if part is None else batch.inputs[part])
    labels = batch.labels_for(logits.shape[1])
    return F.cross_entropy(logits, labels if part is None else labels[part])


def total(parts: Iterable[Tensor]) -> float:
    """The sum of the sums of tensors."""
    return float(sum(part.sum().item() for part in parts))


def gradient(part: nn.Conv2d | nn.Linear) -> Tensor:
    """What backward passes left at the weight."""
    return torch.zeros_like(part.weight) if part.weight.grad is None else part.weight.grad.clone()


def outputs(model: nn.Module, inputs: Tensor, kind: type[nn.Module]) -> list[Tensor]:
    """The outputs of all modules of a kind, in order."""
    found: list[Tensor] = []
    for part in model.modules():
        if isinstance(part, kind):
            part.register_forward_hook(lambda _, __, output: found.append(output))
    model(inputs)
    return found


def codes(model: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Of every ReLU, which outputs are positive: (samples, units)."""
    with torch.no_grad():
        return [(output > 0).flatten(1) for output in outputs(model, inputs, nn.ReLU)]


def normal(candidate: Candidate, like: Tensor, *shape: int) -> list[Tensor]:
    """Two draws from N(0, 1), the candidate's own."""
    generator = candidate.generator("inputs")
    size, dtype = shape or like.shape, like.dtype
    return [torch.randn(size, generator=generator, dtype=dtype).to(like.device) for _ in "12"]


def params(candidate: Candidate, _: Batch) -> float:
    return float(sum(parameter.numel() for parameter in candidate.model().parameters()))


def flops(candidate: Candidate, batch: Batch) -> float:
    counted = []
    model = candidate.model()
    for part in weighted(model):
        part.register_forward_hook(
            lambda part, _, output: counted.append(output.numel() * part.weight[0].numel())
        )
    with torch.no_grad():
        model(batch.inputs[:1])
    return float(sum(counted))


def epsilon(candidate: Candidate, batch: Batch) -> float:
    passes = []
    for weight in Epsilon().shared_weights(candidate.space):
        model = candidate.model()
        for name, parameter in model.named_parameters():
            parameter.data.fill_(0 if name.endswith("bias") else weight)
        with torch.no_grad():
            output = model(batch.inputs).flatten().double()
        if output.min() == output.max():
            return nan
        scaled = (output - output.min()) / (output.max() - output.min())
        passes.append(torch.where(scaled == 0, nan, scaled))
    return ((passes[0] - passes[1]).abs().nanmean() / torch.cat(passes).nanmean()).item()


def l2_norm(candidate: Candidate, _: Batch) -> float:
    return total(part.weight.norm() for part in weighted(candidate.model()))


def grad_norm(candidate: Candidate, batch: Batch) -> float:
    return total(slope.norm() for _, slope in trained(candidate, batch))


def snip(candidate: Candidate, batch: Batch) -> float:
    return total((weight * slope).abs() for weight, slope in trained(candidate, batch))


def plain(candidate: Candidate, batch: Batch) -> float:
    return total(weight * slope for weight, slope in trained(candidate, batch))


def synflow(candidate: Candidate, batch: Batch) -> float:
    model = candidate.model().double()
    for parameter in model.parameters():
        parameter.data.abs_()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.forward = lambda input: input  # type: ignore[method-assign]  # plainest
    backward(model(torch.ones_like(batch.inputs[:1]).double()).sum())
    flow = total((part.weight * gradient(part)).abs() for part in weighted(model))
    return log(flow) if flow else nan


def grasp(candidate: Candidate, batch: Batch) -> float:
    model = candidate.model()
    weights = [part.weight for part in weighted(model)]
    first = torch.autograd.grad(loss(model, batch), weights, **ZEROS)
    again = torch.autograd.grad(loss(model, batch), weights, create_graph=True, **ZEROS)
    product = sum((one * other).sum() for one, other in zip(first, again, strict=True))
    assert isinstance(product, Tensor)
    backward(product)
    return -total(part.weight * gradient(part) for part in weighted(model))


def grasp_by_differences(candidate: Candidate, batch: Batch) -> float:
    """H g by a central difference of gradients, with a step small enough to pass no kink."""
    model = candidate.model()
    parts = weighted(model)

    def slopes() -> list[Tensor]:
        model.zero_grad()
        backward(loss(model, batch))
        return [gradient(part) for part in parts]

    weights, first = [part.weight.detach().clone() for part in parts], slopes()
    h = 1e-7 / max(slope.abs().max().item() for slope in first)
    products = [torch.zeros_like(slope) for slope in first]
    for sign in (-1, 1):
        for part, weight, slope in zip(parts, weights, first, strict=True):
            part.weight.data = weight + sign * h * slope
        for product, slope in zip(products, slopes(), strict=True):
            product += sign * slope / (2 * h)
    return -total(weight * product for weight, product in zip(weights, products, strict=True))


def fisher(candidate: Candidate, batch: Batch) -> float:
    model = candidate.model()
    kept: list[tuple[int, Tensor]] = []  # and how many weights a channel has
    for part in weighted(model):
        part.register_forward_hook(
            lambda part, _, output: kept.append((part.weight[0].numel(), output))
        )
    value = loss(model, batch)
    for _, output in kept:
        output.retain_grad()
    backward(value)
    score = 0.0
    for number, output in kept:
        if output.grad is not None:
            effects = output.detach() * output.grad
            effects = effects.sum(dim=(2, 3)) if effects.ndim == 4 else effects
            score += number * total([0.5 * (effects**2).mean(dim=0)])
    return score


def halves(candidate: Candidate, batch: Batch) -> list[Tensor]:
    """The gradients of every counted weight for both halves of the batch."""
    model = candidate.model()
    slopes = []
    for part in torch.arange(len(batch.inputs), device=batch.inputs.device).chunk(2):
        model.zero_grad()
        backward(loss(model, batch, part))
        slopes.append([gradient(part) for part in weighted(model)])
    return [torch.stack(layer) for layer in zip(*slopes, strict=True)]


def l_swag(candidate: Candidate, batch: Batch) -> float:
    terms = 0.0
    for layer in halves(candidate, batch):
        spread = layer.double().abs().std(dim=0, correction=0)
        value = (1 / spread[spread > 0]).sum().item()
        terms += log(value) if value else 0.0
    found = codes(candidate.model(), batch.inputs[:16])
    return terms * len(torch.unique(torch.cat(found, dim=1), dim=1).T) or nan


def zico(candidate: Candidate, batch: Batch) -> float:
    score = 0.0
    for stacked in halves(candidate, batch):
        spread = stacked.std(dim=0, correction=0)
        value = (stacked.abs().mean(dim=0) / spread)[spread > 0].sum().item()
        score += log(value) if value else 0.0
    return score or nan


def gradsign(candidate: Candidate, batch: Batch) -> float:
    """One example at a time."""
    model = candidate.model()
    signs = [torch.zeros_like(part.weight) for part in weighted(model)]
    labels = None if batch.labels is None else batch.labels[:16]
    few = Batch(batch.inputs[:16], labels, batch.seed)
    for n in range(len(few.inputs)):
        model.zero_grad()
        backward(loss(model, few, torch.tensor([n])))
        signs = [
            sign + gradient(part).sign() for sign, part in zip(signs, weighted(model), strict=True)
        ]
    return total(sign.abs().double() for sign in signs)


def ntk(candidate: Candidate, batch: Batch) -> float:
    model = candidate.model()
    weights = [each for name, each in model.named_parameters() if "weight" in name]
    rows = []
    for output in model(batch.inputs[:16]).sum(dim=1):
        model.zero_grad()
        backward(output, retain_graph=True)
        slopes = [torch.zeros_like(each) if each.grad is None else each.grad for each in weights]
        rows.append(torch.cat([slope.flatten() for slope in slopes]))
    jacobian = torch.stack(rows)
    values = torch.linalg.eigvalsh((jacobian @ jacobian.T).double())
    if values[0] <= values[-1] * len(rows) * torch.finfo(jacobian.dtype).eps:
        return nan
    return -float(values[-1] / values[0])


def jacob_cov(candidate: Candidate, batch: Batch) -> float:
    inputs = batch.inputs.clone().requires_grad_()
    backward(candidate.model()(inputs).sum())
    if inputs.grad is None or not inputs.grad.any():
        return nan
    values = torch.linalg.eigvalsh(torch.corrcoef(inputs.grad.flatten(1).double())) + 1e-5
    return -total([values.log() + 1 / values])


def naswot(candidate: Candidate, batch: Batch) -> float:
    kernel = torch.zeros(len(batch.inputs), len(batch.inputs), device=batch.inputs.device)
    for code in codes(candidate.model(), batch.inputs):
        ones = code.float()
        kernel += ones @ ones.T + (1 - ones) @ (1 - ones).T
    exact = kernel.double()
    full = torch.linalg.matrix_rank(exact) == len(exact)
    return float(torch.linalg.slogdet(exact)[1]) if full else nan


def linear_regions(candidate: Candidate, batch: Batch) -> float:
    greys, _ = normal(candidate, batch.inputs, 1000, 1, 1, 1)
    inputs = greys.expand(-1, 3, 4, 4)
    return float(len(torch.unique(torch.cat(codes(candidate.model(), inputs), dim=1), dim=0)))


def swap(candidate: Candidate, batch: Batch) -> float:
    found = codes(candidate.model("normal"), batch.inputs[:16])
    return float(len(torch.unique(torch.cat(found, dim=1), dim=1).T))


def zen(candidate: Candidate, batch: Batch) -> float:
    model = candidate.model("normal")
    inputs, change = normal(candidate, batch.inputs)
    with torch.no_grad():
        features, moved = (
            outputs(model, each, nn.ReLU)[-1] for each in (inputs, inputs + 0.01 * change)
        )
    change = (features - moved).abs().sum(dim=(1, 2, 3)).mean()
    score = log(change.item()) if change else nan
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_var is not None:
            score += log(part.running_var.mean().sqrt().item())
    return score


def meco(candidate: Candidate, batch: Batch) -> float:
    image, _ = normal(candidate, batch.inputs, 1, *batch.inputs.shape[1:])
    score = 0.0
    with torch.no_grad():
        for output in outputs(candidate.model(), image, nn.Module):
            if output.ndim > 2 and output[0, 0].numel() > 1:
                correlations = torch.corrcoef(output[0].flatten(1)).nan_to_num(nan=0.0)
                score += torch.linalg.eigvalsh(correlations.double())[0].item()
    return score


def features(candidate: Candidate, batch: Batch) -> list[Tensor]:
    """The outputs of the main blocks, with their graph."""
    model = candidate.model("kaiming")
    assert isinstance(model, NetworkModule)
    found: dict[nn.Module, Tensor] = {}
    blocks = [model.in_order[index] for index in model.network.blocks]
    for block in blocks:  # a cell of zeros begins a graph
        block.register_forward_hook(
            lambda block, _, output: found.update({block: output.requires_grad_()})
        )
    model(normal(candidate, batch.inputs)[0])
    return [found[block] for block in blocks]


def entropies(candidate: Candidate, batch: Batch) -> list[float]:
    """Of the principal components of every feature."""
    found = []
    with torch.no_grad():
        for feature in features(candidate, batch):
            covariance = torch.cov(feature.transpose(0, 1).flatten(1), correction=0)
            values = torch.linalg.eigvalsh(covariance.double()).clamp(min=0)
            shares = values / values.sum()
            found.append(-(shares * (shares + 1e-8).log()).sum().item())
    return found


def expressivity(candidate: Candidate, batch: Batch) -> float:
    return sum(entropies(candidate, batch))


def progressivity(candidate: Candidate, batch: Batch) -> float:
    found = entropies(candidate, batch)
    return nan if any(map(isnan, found)) else min(b - a for a, b in pairwise(found))


def trainability(candidate: Candidate, batch: Batch) -> float:
    generator = candidate.generator("signs")
    scores = []
    for before, after in pairwise(features(candidate, batch)):
        signs = torch.randint(2, after.shape, generator=generator, dtype=after.dtype)
        g_out = (2 * signs - 1).to(after.device)
        (g_in,) = torch.autograd.grad(after, before, g_out, retain_graph=True, **ZEROS)
        if torch.equal(g_in, g_out):
            return nan
        g_in = F.pixel_unshuffle(g_in, g_in.shape[2] // g_out.shape[2])
        matrix = torch.einsum("bihw,bohw->io", g_in, g_out) * after.shape[1] / after.numel()
        largest = float(torch.linalg.svdvals(matrix.double())[0])
        scores.append(2 - largest - 1 / (largest + 1e-6))
    return sum(scores) / len(scores)


def nasgraph(candidate: Candidate, _batch: Batch) -> float:
    graph = networkx.DiGraph()
    layers = units(candidate.space, candidate.arch, candidate.live)
    weights = draw(layers, candidate.generator("nasgraph"))
    for child, unit in enumerate(layers):
        run = nn.Identity() if isinstance(unit.op, Identity) else module(unit.op)
        if isinstance(run, nn.Conv2d):
            run.weight.data = weights[child]
        images = torch.eye(unit.size[0])[:, :, None, None].expand(-1, *unit.size).contiguous()
        for parent, _ in unit.parents:
            with torch.no_grad():
                answer = run(images).relu() if isinstance(unit.op, Conv) else run(images)
            for i, j in (answer.sum(dim=(2, 3)) != 0).nonzero().tolist():
                graph.add_edge((parent, i), (child, j))
    return 2 * float(graph.number_of_edges()) / len(graph)


Way = Callable[[Candidate, Batch], float]
PLAIN: dict[str, Way] = {
    each.__name__: each
    for each in (
        *(params, flops, epsilon, l2_norm, grad_norm, snip, plain, synflow, grasp, fisher, zico),
        *(gradsign, ntk, jacob_cov, naswot, linear_regions, swap, zen, meco, expressivity, l_swag),
        *(progressivity, trainability, nasgraph),
    )
}
