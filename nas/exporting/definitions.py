"""Classes that an exported file gets if torch has no layer like them."""

POSITIONS = '''class Positions(nn.Module):
    """A sequence plus a learned vector for each place."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.places = nn.Embedding(length, features)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.places.weight'''

ATTENTION = '''class SelfAttention(nn.Module):
    """Attention of several heads among the places of a sequence."""

    def __init__(self, features: int, heads: int, bias: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.width, self.causal = heads, features // heads, causal
        self.inputs = nn.Linear(features, 3 * features, bias)
        self.outputs = nn.Linear(features, features, bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        x = self.inputs(x).view(batch, length, 3, self.heads, self.width)
        query, key, value = x.permute(2, 0, 3, 1, 4).unbind()
        x = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.outputs(x.transpose(1, 2).flatten(2))'''
