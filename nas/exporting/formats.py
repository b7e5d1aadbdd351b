"""The formats of an exported network: each is the content of one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.network.quiet import quiet
from nas.seeding import generator
from nas.space import SPACES

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4
"""How far outputs of an ONNX file may be from the module's, relative to the largest."""

LONGEST = 160
"""Characters of torch's message that are quoted."""
PACKAGES = {
    "weights": ("safetensors",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
}
"""What a format needs beside torch."""


@dataclass(frozen=True)
class Model:
    """A candidate to export, with the name and the options of its space."""

    candidate: Candidate
    space: str
    options: Mapping[str, Any]

    @property
    def arch(self) -> str:
        """The architecture in the notation of its space."""
        return self.candidate.space.format(self.candidate.arch)

    @property
    def about(self) -> str:
        """What the network is, in some lines."""
        space, network = self.candidate.space, self.candidate.network
        options = [f"space.{name}={json.dumps(value)}" for name, value in self.options.items()]
        lines = [
            f"A network of the space {self.space}, exported by epsilon-nas.",
            "",
            f"Architecture: {self.arch}",
            f"Space: {' '.join([f'space={self.space}', *options])}",
            f"Inputs: (batch, {', '.join(map(str, space.inputs))})",
        ]
        if network is not None:
            lines.append(f"Parameters: {network.params:,}; multiply-adds: {network.flops:,}")
            left_out = "left out (live=true)" if self.candidate.live else "kept (live=false)"
            lines.append(f"Layers that cannot change the output: {left_out}")
        lines += [
            "",
            "`create_model()` gives it with fresh weights. The file needs PyTorch alone. Weights",
            "that `nas export format=weights` wrote fit it: load_state_dict(load_file(PATH)).",
        ]
        return "\n".join(lines)


def model_of(candidate: Candidate) -> Model:
    """A candidate with the registered name of its space and the options that it was made with."""
    space = candidate.space
    names = (name for name in SPACES if SPACES[name] is type(space))
    options: dict[str, Any] = {}
    if is_dataclass(space):
        options = {each.name: getattr(space, each.name) for each in fields(space)}
    return Model(candidate, next(names, type(space).__name__), options)


def suffix(format: str) -> str:
    """How the name of a file in this format ends; UsageError if the format is unknown."""
    if format not in FORMATS:
        raise UsageError(f"format={format} must be one of {', '.join(FORMATS)}")
    return FORMATS[format][0]


def format_of(format: str | None, out: str | Path | None) -> str:
    """The format that is asked for, or that the suffix of the file's name tells, or `source`.

    Raises UsageError if the suffix is that of another format or of none. A name without a suffix
    is fine if the format is given.
    """
    end = Path(out).suffix if out else ""
    if not out or (format is not None and not end):
        return format or "source"
    known = {suffix(name): name for name in FORMATS}
    found = known.get(end.lower())
    wanted = None if format is None else suffix(format)
    if found is None:
        ends = wanted or ", ".join(known)
        raise UsageError(f"out={out} names no format: its name must end in {ends}")
    if format not in (None, found):
        raise UsageError(
            f"out={out} is a name for format={found}, and format={format} is asked for: end it in "
            f"{wanted}, or leave format= out"
        )
    return found


def content(model: Model, format: str) -> bytes:
    """The content of a file in one of the `FORMATS`.

    Raises UsageError if the format is unknown, does not fit the model, or needs a package that is
    not there.
    """
    suffix(format)
    missing = [name for name in PACKAGES.get(format, ()) if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"format={format} needs {', '.join(missing)}: pip install 'epsilon-nas[export]'"
        )
    return FORMATS[format][1](model)


def _source(model: Model) -> bytes:
    from nas.exporting.source import source

    network = model.candidate.network
    if network is None:
        raise UsageError(
            f"the space {model.space} gives modules and no layers, so there is no format=source: "
            f"take weights, pt2, onnx or json"
        )
    return source(network, type(model.candidate.space).__name__, model.about).encode()


def _weights(model: Model) -> bytes:
    from safetensors.torch import save

    made = model.candidate.model(as_built=True).state_dict()
    tensors = {name: tensor.contiguous() for name, tensor in made.items()}
    return save(tensors, metadata={"space": model.space, "arch": model.arch})


def _program(model: Model) -> bytes:
    import torch

    module, inputs = _example(model)
    buffer = BytesIO()
    with _followed(model):
        program = torch.export.export(module, (inputs,), dynamic_shapes=_dynamic())
        torch.export.save(program, buffer)
    return buffer.getvalue()


def _onnx(model: Model) -> bytes:
    import torch

    module, inputs = _example(model)
    with _followed(model):
        program = torch.onnx.export(
            module,
            (inputs,),
            dynamo=True,
            dynamic_shapes=_dynamic(),
            input_names=["inputs"],
            output_names=["outputs"],
            verbose=False,
        )
    assert program is not None
    made: bytes = program.model_proto.SerializeToString()
    _check_onnx(made, module, model)
    return made


def _check_onnx(made: bytes, module: nn.Module, model: Model) -> None:
    """Raises UsageError if onnxruntime gives other outputs than the module."""
    import onnxruntime  # type: ignore[import-untyped]
    import torch

    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    for size in (1, 7):
        inputs = model.candidate.space.batch(size, generator("export", size)).inputs
        with torch.no_grad():
            expected = module(inputs)
        (found,) = session.run(None, {"inputs": inputs.numpy()})
        error = (torch.from_numpy(found) - expected).abs().max() / expected.abs().max()
        if not error <= TOLERANCE:
            raise UsageError(
                f"onnxruntime gives outputs that are {float(error):.1g} from PyTorch's, relative "
                f"to the largest: export format=pt2"
            )


def _json(model: Model) -> bytes:
    candidate = model.candidate
    network = candidate.network
    layers = network and [
        {
            "name": layer.name,
            "op": type(layer.op).__name__,
            **asdict(layer.op),
            "inputs": layer.inputs,
        }
        for layer in network.layers
    ]
    about = {
        "space": {"name": model.space, **model.options},
        "arch": model.arch,
        "tuple": candidate.arch,
        "live": candidate.live,
        "layers": layers,
    }
    return (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode()


def _example(model: Model) -> tuple[nn.Module, Tensor]:
    """The module ready for inference, and two examples."""
    inputs = model.candidate.space.batch(2, generator("export", 2)).inputs
    return model.candidate.model(as_built=True).eval(), inputs


def _dynamic() -> tuple[dict[int, Any]]:
    """Any number of examples."""
    import torch

    return ({0: torch.export.Dim.DYNAMIC},)


@contextmanager
def _followed(model: Model) -> Iterator[None]:
    """Quietly; UsageError where torch cannot follow the module."""
    try:
        with quiet():
            yield
    except Exception as error:  # torch raises many classes
        why = str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__
        raise UsageError(
            f"torch.export cannot follow the module of {model.arch} in {model.space} ({why}): "
            f"format=weights and json need it not"
        ) from error


FORMATS: dict[str, tuple[str, Callable[[Model], bytes]]] = {
    "source": (".py", _source),
    "weights": (".safetensors", _weights),
    "pt2": (".pt2", _program),
    "onnx": (".onnx", _onnx),
    "json": (".json", _json),
}
"""The end of a file's name in each format, and what makes the content."""
