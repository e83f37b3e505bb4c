"""Linear layers whose weights lie as the CPU's matrix kernels want them, with what follows in the same pass.

oneDNN reorders the weights of a product into blocks on every call unless they come so. torch keeps them in that layout
only by operators that are not public (inductor calls them); where one is missing or errs, the public one is used.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Activations by their names in configs: oneDNN's name and algorithm, and the argument of torch's own function.
ACTIVATIONS: dict[str, tuple[str, str]] = {
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
}
# Rows of the products that the layout is chosen for; with fewer it fits as well.
_ROWS = 1024


class Linear:
    """One product for one or several linear layers that read the same, and the activation after it.

    The layers' own weights are given up, so that there is one copy; `restore` gives them back.

    Args:
        layers: The layers; their outputs stand side by side.
        activation: A key of `ACTIVATIONS`, or None.
    """

    def __init__(self, layers: Sequence[torch.nn.Linear], activation: str | None = None) -> None:
        import torch

        self._layers = tuple(layers)
        self._activation = activation
        weight = (
            torch.cat([layer.weight.detach() for layer in layers]) if len(layers) > 1 else layers[0].weight.detach()
        )
        self._bias: torch.Tensor | None = _bias(layers)
        self._packed = can_prepack(weight.dtype)
        if self._packed:
            weight = _operators()._reorder_linear_weight(weight.contiguous(), _ROWS)
            self._own([torch.empty(0, dtype=weight.dtype) for _ in layers])
        else:
            self._own(self._parts(weight))
        self._weight: torch.Tensor = weight

    def __call__(self, rows: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        """Rows [n, in] to [n, out]; with a residual [n, out] added, for layers without an activation."""
        import torch
        from torch.nn.functional import gelu, linear

        if self._packed:
            if residual is not None:
                added: torch.Tensor = _operators()._linear_pointwise.binary(
                    rows, residual, self._weight, self._bias, "add"
                )
                return added
            name, algorithm = ACTIVATIONS[self._activation] if self._activation else ("none", "")
            fused: torch.Tensor = _operators()._linear_pointwise(rows, self._weight, self._bias, name, [], algorithm)
            return fused
        product = linear(rows, self._weight, self._bias)
        if residual is not None:
            return product.add_(residual)
        if self._activation is None:
            return product
        name, algorithm = ACTIVATIONS[self._activation]
        return torch.relu_(product) if name == "relu" else gelu(product, approximate=algorithm)

    def restore(self) -> None:
        """Give the layers their weights back."""
        if self._packed:
            self._own(self._parts(self._weight.to_dense()))

    def _parts(self, weight: torch.Tensor) -> list[torch.Tensor]:
        import torch

        return list(torch.functional.split(weight, [layer.out_features for layer in self._layers]))

    def _own(self, weights: Sequence[torch.Tensor]) -> None:
        import torch

        for layer, weight in zip(self._layers, weights, strict=True):
            layer.weight = torch.nn.Parameter(weight, requires_grad=False)


@functools.cache
def can_prepack(dtype: torch.dtype) -> bool:
    """Whether torch has the operators for this dtype on this machine, and they compute what they should."""
    import torch

    generator = torch.Generator().manual_seed(0)
    rows, weight, other = (torch.randn(32, 32, generator=generator).to(dtype) for _ in range(3))
    bias = torch.ones(32, dtype=dtype)
    try:
        own = _operators()
        packed = own._reorder_linear_weight(weight, _ROWS)
        found = own._linear_pointwise(rows, packed, bias, "gelu", [], "none")
        added = own._linear_pointwise.binary(rows, other, packed, bias, "add")
        back = packed.to_dense()
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    product = torch.nn.functional.linear(rows, weight, bias)
    most = 0.1 if dtype.itemsize < 4 else 1e-4
    return (
        torch.equal(back, weight)
        and torch.allclose(found, torch.nn.functional.gelu(product), rtol=most, atol=most)
        and torch.allclose(added, product + other, rtol=most, atol=most)
    )


def _operators() -> Any:
    import torch

    return torch.ops.mkldnn


def _bias(layers: Sequence[torch.nn.Linear]) -> torch.Tensor | None:
    import torch

    biases: list[Any] = [layer.bias for layer in layers]
    return None if None in biases else torch.cat(biases).detach()
