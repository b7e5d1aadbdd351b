"""The parts of a module that is no network of layers: from its graph by torch.fx or torch.export.

A module of `torch.nn` is one part. What only views its input differently, such as a permutation,
is left out, and so is arithmetic with a number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import is_lazy

from nas.errors import UsageError
from nas.network.drawing.diagram import Diagram, Kind
from nas.network.drawing.parts import Part, part_of, worded
from nas.network.quiet import quiet

VIEWS = re.compile(
    r"^(_unsafe_)?(view|reshape|permute|transpose|flatten|unflatten|getitem|getattr|size|expand"
    r"|contiguous|unsqueeze|squeeze|select|slice|clone|to|type_as|alias|chunk|split|unbind|detach"
    r"|sym_size|float|dim|eq|ne|lt|gt|ge|le|_assert.*|_to_copy|lift_fresh_copy|t|shape|narrow"
    r"|movedim|swapaxes|len|int|identity)(_copy|_int|_with_sizes|_scalar|_tensor)*$"
)
ARITHMETIC = {
    "add": "+", "iadd": "+", "sub": "−", "isub": "−", "mul": "×", "imul": "×", "div": "÷",
    "truediv": "÷", "pow": "power",
}  # fmt: skip
NAMES: dict[str, tuple[str, Kind]] = {
    "cat": ("concat", "join"),
    "concat": ("concat", "join"),
    "scaled dot product attention": ("attention", "mix"),
    "relu": ("ReLU", "activation"),
    "gelu": ("GELU", "activation"),
    "silu": ("SiLU", "activation"),
    "mean": ("mean", "pool"),
    "adaptive avg pool": ("avg pool", "pool"),
}
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Identity)
MOST = 5000
"""Operations of the largest graph that is drawn."""


@runtime_checkable
class SelfPictured(Protocol):
    """A module that says its own diagrams, because its graph would repeat every step of a loop."""

    def diagrams(self) -> tuple[Diagram, ...]:
        """The whole first, then its blocks."""
        ...


def traced(model: nn.Module, inputs: Tensor) -> list[Part]:
    """The parts of a module, for inputs (batch, …) on its device.

    The module is put into evaluation mode. Raises UsageError if neither torch.fx nor torch.export
    can follow its `forward`.
    """
    model.eval()
    with quiet():
        try:
            _materialised(model, inputs)
            graph = fx.symbolic_trace(model).graph
            graph = _with_shapes(model, graph, inputs)
        except Exception as first:  # of any author, or what torch.fx cannot follow
            graph = _exported(model, inputs, first)
    if len(graph.nodes) > MOST:
        raise UsageError(
            f"this {type(model).__name__} has {len(graph.nodes):,} operations, and a drawing at "
            f"most {MOST:,}: a module that loops can have a method diagrams()"
        )
    return _Reader(model).read(graph.nodes)


class _Shapes(fx.Interpreter):
    """Runs a graph and keeps the shapes of what its nodes give.

    torch's own ShapeProp prints a traceback before it raises an error.
    """

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["val"] = fx.node.map_aggregate(result, _without_numbers)
        return result


def _without_numbers(value: Any) -> Any:
    return value.to("meta") if isinstance(value, Tensor) else value


def _materialised(model: nn.Module, inputs: Tensor) -> None:
    """Give lazy layers their weights: only a run can tell their shapes."""
    if any(map(is_lazy, chain(model.parameters(), model.buffers()))):
        with torch.no_grad():
            model(inputs)


def _with_shapes(model: nn.Module, graph: fx.Graph, inputs: Tensor) -> fx.Graph:
    """The graph with the shape of every output."""
    with torch.no_grad():
        _Shapes(fx.GraphModule(model, graph)).run(inputs)
    return graph


def _exported(model: nn.Module, inputs: Tensor, first: Exception) -> fx.Graph:
    try:
        program = torch.export.export(model, (inputs,), strict=False)
    except Exception as error:  # of any author, or of torch.export
        why = (str(error) or str(first)).strip().splitlines()
        raise UsageError(
            f"this {type(model).__name__} cannot be drawn, because neither torch.fx nor "
            f"torch.export can follow it: {why[0][:160] if why else type(error).__name__}"
        ) from error
    users = {*program.graph_signature.user_inputs}
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name not in users:
            node.meta["weights"] = True
    graph: fx.Graph = program.graph
    return graph


class _Reader:
    """Reads a graph's nodes one after the other."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.parts: list[Part] = []
        self.values: dict[fx.Node, tuple[int, ...]] = {}
        """The parts that make up the value of a node."""
        self.calls: dict[int, str] = {}
        """The module of `torch.nn` that a part is, by its path."""

    def read(self, nodes: Iterable[fx.Node]) -> list[Part]:
        """The parts of the graph."""
        for node in nodes:
            read = tuple(dict.fromkeys(i for n in node.all_input_nodes for i in self.values[n]))
            if node.op == "placeholder":
                weights = "weights" in node.meta
                self.values[node] = () if weights else self._added("input", "input", (), node, "")
            elif node.op == "output":
                self._end(read)
                self.values[node] = ()
            elif node.op == "get_attr" or not read or not _tensors(node):
                self.values[node] = ()  # weights, or a size
            else:
                self.values[node] = self._operation(node, read)
        return self.parts

    def _end(self, read: tuple[int, ...]) -> None:
        """Make the output the last part."""
        if read != (len(self.parts) - 1,):
            label = "outputs" if len(read) > 1 else "output"
            shape = self.parts[read[0]].shape if len(read) == 1 else ()
            self.parts.append(Part(label, "other", read, shape))

    def _operation(self, node: fx.Node, read: tuple[int, ...]) -> tuple[int, ...]:
        path, module = self._leaf(node)
        if module is not None:
            return self._called(node, path, module, read)
        name = _name(node)
        if VIEWS.match(name):
            return read
        scope = ".".join([*_stack(node)[-1:], node.name]).strip(".")
        tensors = sum(isinstance(each, fx.Node) for each in node.args)
        if name in ARITHMETIC:
            if len(read) == 1 and tensors < 2:
                return read
            label = ARITHMETIC[name]
            if len(read) == 1 and any(n.op in ("get_attr", "placeholder") for n in
                                      node.all_input_nodes if not self.values[n]):  # fmt: skip
                return self._added(f"{label} weights", "linear", read, node, scope)
            return self._added(label, "join", read, node, scope)
        spoken, kind = worded(name)
        bare = re.sub(r" ?[123]d$", "", spoken)
        label, kind = NAMES.get(bare, (bare, kind))
        return self._added(label, kind, read, node, scope)

    def _leaf(self, node: fx.Node) -> tuple[str, nn.Module | None]:
        """The outermost module of torch.nn that a node belongs to."""
        paths = [str(node.target)] if node.op == "call_module" else _stack(node)
        for path in paths:
            try:
                module = self.model.get_submodule(path)
            except AttributeError:
                continue
            if type(module).__module__.startswith("torch.nn") and not isinstance(
                module, CONTAINERS
            ):
                return path, module
        return "", None

    def _called(
        self, node: fx.Node, path: str, module: nn.Module, read: tuple[int, ...]
    ) -> tuple[int, ...]:
        """A part for a module, or more of the part that reads it already."""
        shape = _shape(node)
        same = [index for index in read if self.calls.get(index) == path]
        if same:
            index = same[-1]
            others = tuple(i for i in read if i not in same and i < index)
            part = self.parts[index]
            inputs = tuple(dict.fromkeys((*part.inputs, *others)))
            self.parts[index] = replace(part, inputs=inputs, shape=shape or part.shape)
            return (index,)
        if isinstance(module, nn.modules.dropout._DropoutNd):
            return read
        shapes = [self.parts[index].shape for index in read]
        part = part_of(module, read, shape, shapes, path)
        self.parts.append(replace(part, op=str(module)))
        self.calls[len(self.parts) - 1] = path
        return (len(self.parts) - 1,)

    def _added(
        self, label: str, kind: Kind, read: tuple[int, ...], node: fx.Node, name: str
    ) -> tuple[int, ...]:
        self.parts.append(Part(label, kind, read, _shape(node), name, op=label))
        return (len(self.parts) - 1,)


def _stack(node: fx.Node) -> list[str]:
    """The paths of the modules in whose forward a node is, the outermost first."""
    stack: Mapping[str, Any] = node.meta.get("nn_module_stack") or {}
    paths = [str(entry[0]) for entry in stack.values()]
    return [re.sub(r"^L\['self'\]\.?", "", path) for path in paths]


def _name(node: fx.Node) -> str:
    """What a node calls: add, softmax."""
    if node.op == "call_method":
        return str(node.target)
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        return target._opname.rstrip("_")
    name = getattr(target, "__name__", str(target))
    return "getitem" if target is operator.getitem else name.strip("_")


def _tensors(node: fx.Node) -> bool:
    """Whether a node's value is a tensor or several, and no size or other number."""
    value = node.meta.get("val", node.meta.get("tensor_meta"))
    values = value if isinstance(value, tuple | list) and not hasattr(value, "shape") else [value]
    return any(hasattr(each, "shape") for each in values)


def _shape(node: fx.Node) -> tuple[int, ...]:
    """The shape of a node's output without the batch; () if it is no tensor."""
    value = node.meta.get("val", node.meta.get("tensor_meta"))
    if type(value) in (tuple, list):
        value = value[0] if value else None
    shape = getattr(value, "shape", ())
    return tuple(int(each) for each in shape[1:])
