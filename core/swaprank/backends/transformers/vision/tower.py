"""What the vision tower of a network makes of images: several in one call, and each image once.

The Qwen families pack the patches of images of any sizes into one row, in which each image attends to itself alone;
the other families read pictures or tiles of one size as a batch. So what is made of an image does not depend on those
beside it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..._common.token_batches import in_batches
from ..._tokens.image_tokens import VisionTokens

if TYPE_CHECKING:
    import torch

# Pixels of a call, which bound its activations: three pages of 1,003,520 pixels, or 15,600 patches of 14 by 14.
MOST_PIXELS = 3 << 20
# Bytes of what the vision tower made of images that are kept from call to call.
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What the vision tower made of an image.

    Attributes:
        vectors: Of the image's tokens: a tensor [tiles, tokens, size], or a list with one [tokens, size].
        deep: Further vectors of them for some layers of the decoder (Qwen3-VL), a list for each; else none.
        grid: [1, 3]: frames, rows and columns of patches; None in families that have no such thing.
        size: Bytes of it.
    """

    vectors: Any
    deep: list[Any]
    grid: torch.Tensor | None
    size: int


class VisionTower:
    """The vision tower of a network, and what it made of the latest images.

    Args:
        network: The transformers model.
        tokens: Its tokenizer, which knows the images by their numbers.
    """

    def __init__(self, network: Any, tokens: VisionTokens) -> None:
        self._network = network
        self._tokens = tokens
        self._seen: OrderedDict[int, Seen] = OrderedDict()

    def look(self, numbers: Sequence[int]) -> list[Seen]:
        """What it makes of images, in order; those that it has not read before in calls of `MOST_PIXELS` each.

        Raises:
            ImageError: An image cannot be read.
            BackendError: One does not fit the device's memory.
        """
        found = {number: self._seen[number] for number in numbers if number in self._seen}
        fresh = [number for number in dict.fromkeys(numbers) if number not in found]

        def forward(places: list[int]) -> None:
            own = [fresh[place] for place in places]
            found.update(zip(own, self._read(own), strict=True))

        areas = [self._tokens.area(number) for number in fresh]
        in_batches(areas, MOST_PIXELS, forward, packed=True, unit="pixels")
        for number in numbers:
            self._seen[number] = found[number]
            self._seen.move_to_end(number)
        while len(self._seen) > 1 and sum(one.size for one in self._seen.values()) > _MOST_BYTES:
            self._seen.popitem(last=False)
        return [found[number] for number in numbers]

    def _read(self, numbers: Sequence[int]) -> list[Seen]:
        """One call of the tower."""
        import torch

        read = [self._tokens.image(number).pixels for number in numbers]
        device, dtype = self._network.device, self._network.dtype
        pixels = {name: torch.cat([one[name] for one in read]).to(device) for name in read[0]}
        pixels["pixel_values"] = pixels["pixel_values"].to(dtype)
        output = self._network.model.get_image_features(**pixels, return_dict=True)
        # The rest of the output, such as the states before merging, is not kept.
        vectors, deep = output.pooler_output, list(getattr(output, "deepstack_features", None) or [])
        if isinstance(vectors, torch.Tensor):
            parts: Sequence[Any] = torch.split(vectors, [len(one["pixel_values"]) for one in read])
        else:
            parts = [[vector] for vector in vectors]
        if len(read) > 1:
            # Parts of one tensor would keep all of it in memory.
            parts = [_copied(part) for part in parts]
            deep = [_copied(layer) for layer in deep]
        grids = [one.get("image_grid_thw") for one in read]
        seen = []
        for place, (part, grid) in enumerate(zip(parts, grids, strict=True)):
            own = [[layer[place]] for layer in deep]
            seen.append(Seen(part, own, None if grid is None else grid.to(device), _bytes([part, own])))
        return seen


def _copied(part: Any) -> Any:
    return part.clone() if hasattr(part, "clone") else [tensor.clone() for tensor in part]


def _bytes(output: Any) -> int:
    """The size of the tensors in an output, however they are nested."""
    if hasattr(output, "nbytes"):
        return int(output.nbytes)
    return sum(_bytes(value) for value in output)
