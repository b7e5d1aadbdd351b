"""ViT: notation, counts and layers of AutoFormer's smallest space, and what proxies make of it."""

from __future__ import annotations

import json
import re
from itertools import product
from math import isnan, prod
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nas import PROXIES, SPACES, Arch, Candidate, NotApplicableError, Space
from nas.metrics.counts import flops, params
from nas.seeding import generator, seeded
from proxies.epsilon import dense
from spaces._vision_transformer import Attention, VisionTransformer
from tests.support.proxies import LOOKING
from tests.support.small import small

DEIT_TINY = {
    "mlp_ratio": [4.0] * 12,
    "num_heads": [3] * 12,
    "embed_dim": [192] * 12,
    "layer_num": 12,
}
PUBLISHED = {  # the network that TF-TAS found in this space
    "mlp_ratio": [3.5, 3.5, 3.5, 4.0, 4.0, 4.0, 4.0, 3.5, 3.5, 4.0, 4.0, 3.5, 4.0, 4.0],
    "num_heads": [3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
    "embed_dim": [240] * 14,
    "layer_num": 14,
}
NO_RELUS = {
    *("expressivity", "linear_regions", "naswot", "progressivity", "swap", "trainability"),
    *("l_swag", "wrcor"),
}


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("vit")


def figures(space: Space, text: str) -> dict[str, float]:
    candidate = Candidate(space, space.parse(text))
    batch = space.batch(1, generator("counts"))
    return {"params": params(candidate), "flops": flops(candidate, batch)}


def test_deit_tiny_is_a_member() -> None:
    """Its published counts: 5,717,416 parameters and 1.3 billion multiply-adds."""
    space = SPACES.build("vit", resolution=224, patch=16)
    found = figures(space, json.dumps(DEIT_TINY))
    assert found["params"] == 5_717_416
    assert found["flops"] == pytest.approx(1.3e9, rel=0.05)


@pytest.mark.parametrize("config", [DEIT_TINY, PUBLISHED])
def test_counts_are_sums_over_layers(space: Space, config: dict[str, object]) -> None:
    found = figures(space, json.dumps(config))
    width, tokens = config["embed_dim"][0], 65  # type: ignore[index]
    params = (48 + 1) * width + (1 + tokens) * width + 2 * width + 1000 * (width + 1)
    flops = 64 * 48 * width + 1000 * width
    for ratio, heads in zip(config["mlp_ratio"], config["num_heads"], strict=True):  # type: ignore[call-overload]
        inner, hidden = 64 * heads, int(ratio * width)
        params += 4 * width + 3 * inner * (width + 1) + width * (inner + 1)
        params += hidden * (width + 1) + width * (hidden + 1)
        flops += tokens * width * (4 * inner + 2 * hidden) + 2 * tokens**2 * inner
    assert found == {"params": params, "flops": flops}


@pytest.mark.parametrize("config", [DEIT_TINY, PUBLISHED])
def test_published_dictionaries_are_read_and_written(
    space: Space, config: dict[str, object]
) -> None:
    arch = space.parse(json.dumps(config))
    assert arch == space.canonical(arch)
    assert json.loads(space.format(arch)) == config


def test_layers_beyond_the_depth_do_not_matter(space: Space) -> None:
    arch = (1, 0, *[1] * 28)
    form = space.canonical(arch)
    assert form == (1, 0, *[1] * 12, 0, 0, *[1] * 12, 0, 0)
    assert space.canonical((1, 2, *[1] * 28)) == (1, 2, *[1] * 28)
    assert len(json.loads(space.format(form))["num_heads"]) == 12
    assert len(json.loads(space.format(arch))["num_heads"]) == 14
    shapes = [
        [parameter.shape for parameter in Candidate(space, each).skeleton().parameters()]
        for each in (arch, form)
    ]
    assert shapes[0] == shapes[1]


def test_the_size(space: Space) -> None:
    """Every tuple in range is a member; of depth 12 there are sixteen a network."""
    assert space.size == prod(space.choices) == 9 * 2**28
    endings = [(*h, *r) for h in product((0, 1), repeat=2) for r in product((0, 1), repeat=2)]
    same = {space.canonical((0, 0, *[1] * 12, *e[:2], *[0] * 12, *e[2:])) for e in endings}
    assert len(endings) == 16
    assert len(same) == 1


def without(key: str) -> str:
    return json.dumps({name: value for name, value in DEIT_TINY.items() if name != key})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vit", "is no vision transformer: write JSON such as"),
        ("[" * 100_000, "is no vision transformer: write JSON such as"),
        (without("mlp_ratio"), "is no vision transformer"),
        (json.dumps({**DEIT_TINY, "depth": 12}), "is no vision transformer"),
        (json.dumps({**DEIT_TINY, "layer_num": 11}), "layer_num=11 must be one of 12, 13, 14"),
        (json.dumps({**DEIT_TINY, "layer_num": 12.0}), "layer_num=12.0 must be one of 12, 13, 14"),
        (json.dumps({**DEIT_TINY, "num_heads": 3}), "num_heads must be a list of 12 numbers"),
        (json.dumps({**DEIT_TINY, "num_heads": [3] * 13}), "num_heads must be a list of 12"),
        (
            json.dumps({**DEIT_TINY, "mlp_ratio": [3.0] * 12}),
            "mlp_ratio must be made of 3.5, 4.0, and not of 3.0",
        ),
        (json.dumps({**DEIT_TINY, "num_heads": [[3]] * 12}), r"and not of \[3\]"),
        (json.dumps({**DEIT_TINY, "num_heads": [True] * 12}), "and not of True"),
        (
            json.dumps({**DEIT_TINY, "embed_dim": [192] * 11 + [216]}),
            "embed_dim must be the same in every layer",
        ),
    ],
)
def test_other_texts_are_refused(space: Space, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        space.parse(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([3, 4, 3.5, 192]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
CONFIGS = st.fixed_dictionaries(dict.fromkeys(DEIT_TINY, VALUES))
CHANGED = st.builds(
    lambda key, value: {**DEIT_TINY, key: value}, st.sampled_from([*DEIT_TINY]), VALUES
)


@given(text=st.text() | (CONFIGS | CHANGED | VALUES).map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    space = SPACES.build("vit")
    try:
        arch = space.parse(text)
    except ValueError as error:
        assert re.search("is no vision transformer|must be", str(error))  # noqa: PT017
    else:
        assert space.parse(space.format(arch)) == arch


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 0}, "patch=0 must be at least 1"),
        ({"unit": 0}, "unit=0 must be at least 1"),
        ({"head_width": -1}, "head_width=-1 must be at least 1"),
        ({"resolution": 30}, "resolution=30 must be a multiple of patch=4"),
        ({"resolution": 0}, "resolution=0 must be a multiple of patch=4"),
    ],
)
def test_sizes_that_do_not_fit(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPACES.build("vit", **options)


def test_a_layer_is_that_of_pytorch() -> None:
    """With heads as wide as their share of the tokens, which is all that PyTorch's layer has."""
    model = VisionTransformer(
        24, [(3, 84)], inputs=(3, 8, 8), patch=4, classes=2, head_width=8
    ).double()
    with seeded("layer"):
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
    layer = nn.TransformerEncoderLayer(
        24, 3, 84, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    mine = dict(model.layers.named_parameters())
    names = {
        "self_attn.in_proj_weight": "0.0.part.inputs.weight",
        "self_attn.in_proj_bias": "0.0.part.inputs.bias",
        "self_attn.out_proj.weight": "0.0.part.outputs.weight",
        "self_attn.out_proj.bias": "0.0.part.outputs.bias",
        "linear1.weight": "0.1.part.0.weight",
        "linear1.bias": "0.1.part.0.bias",
        "linear2.weight": "0.1.part.2.weight",
        "linear2.bias": "0.1.part.2.bias",
        "norm1.weight": "0.0.norm.weight",
        "norm1.bias": "0.0.norm.bias",
        "norm2.weight": "0.1.norm.weight",
        "norm2.bias": "0.1.norm.bias",
    }
    assert sorted(names.values()) == sorted(mine)
    layer.load_state_dict({theirs: mine[own] for theirs, own in names.items()})
    tokens = torch.randn(3, 5, 24, dtype=torch.float64, generator=generator("layer"))
    assert torch.allclose(model.layers(tokens), layer(tokens), rtol=1e-9, atol=1e-10)


def test_heads_have_their_own_width() -> None:
    """Each head by itself, one token at a time."""
    with seeded("heads"):
        part = Attention(6, 2, 5).double()
    tokens = torch.randn(2, 4, 6, dtype=torch.float64, generator=generator("heads"))
    queries, keys, values = part.inputs(tokens).split(10, dim=2)
    expected = []
    for image in range(2):
        for token in range(4):
            heads = []
            for head in (slice(0, 5), slice(5, 10)):
                shares = (keys[image, :, head] @ queries[image, token, head] / 5**0.5).exp()
                heads.append(shares @ values[image, :, head] / shares.sum())
            expected.append(part.outputs(torch.cat(heads)))
    assert torch.allclose(part(tokens).flatten(0, 1), torch.stack(expected), rtol=1e-9)


def test_the_class_token_reads_every_patch_in_its_place() -> None:
    model = Candidate(small("vit"), (0,) * 30).model().double()
    images = small("vit").batch(1, generator("places")).inputs.double()
    swapped = torch.cat([images[:, :, 4:], images[:, :, :4]], dim=2)
    assert not torch.allclose(model(images), model(swapped))
    assert isinstance(model, VisionTransformer)
    nn.init.zeros_(model.places)
    assert torch.allclose(model(images), model(swapped))


@pytest.mark.parametrize("weight", [1e-3, 1.0])
def test_constant_weights_leave_nothing(weight: float) -> None:
    """A layer norm's output has mean 0, and equal weights see the mean alone: all logits are 0."""
    space = small("vit")
    arch = space.sample(Random(0))
    inputs = space.batch(4, generator("theory")).inputs.double()
    model = space.build(arch).double()
    assert dense(model, inputs, weight).abs().max() < 1e-12 * max(weight, 1.0)


@pytest.mark.long
@pytest.mark.parametrize("underflow", ["float32", "none"])
def test_epsilon_does_not_exist(underflow: str) -> None:
    space = small("vit")
    batch = space.batch(8, generator("epsilon"))
    for seed in range(8):
        candidate = Candidate(space, space.sample(Random(seed)))
        proxy = PROXIES.build("epsilon", low=1e-3, high=1.0, underflow=underflow)
        score = proxy.score(candidate, batch)
        assert isnan(score)
        assert getattr(score, "reason", None) == "constant output"


def test_epsilon_says_so() -> None:
    space = small("vit")
    candidate, batch = Candidate(space, (0,) * 30), space.batch(2, generator("epsilon"))
    for proxy in (PROXIES.build("epsilon"), PROXIES.build("epsilon", low=1e-3)):
        with pytest.raises(NotApplicableError, match=r"does not exist in ViT.*proxy=synflow"):
            proxy.score(candidate, batch)


@pytest.mark.parametrize("name", LOOKING)
def test_every_other_proxy_scores_or_says_why_not(name: str) -> None:
    space = small("vit")
    batch = space.batch(8, generator("proxies"))
    archs: list[Arch] = [(0,) * 30, (2, 2, *[1] * 28)]
    proxy = PROXIES.build(name)
    if name in NO_RELUS:
        with pytest.raises(NotApplicableError, match="ReLUs, and this model has none"):
            proxy.score(Candidate(space, archs[0]), batch)
    elif name == "skip":
        with pytest.raises(NotApplicableError, match="skip reads cells"):
            proxy.score(Candidate(space, archs[0]), batch)
    elif name == "nasgraph":
        with pytest.raises(NotApplicableError, match="ViT gives modules only"):
            proxy.score(Candidate(space, archs[0]), batch)
    elif name == "training":
        with pytest.raises(NotApplicableError, match="training needs labels"):
            proxy.score(Candidate(space, archs[0]), batch)
    elif name != "epsilon":
        scores = [proxy.score(Candidate(space, arch), batch) for arch in archs]
        assert not any(isnan(score) for score in scores)
        assert scores[0] != scores[1]
