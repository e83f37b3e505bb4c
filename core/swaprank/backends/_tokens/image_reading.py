"""From a picture to what a vision-language network reads: pixels, and how many tokens they become.

Transformers' processors are not used: without torchvision they cannot be built for the Qwen family, because they ask
for a processor of videos. An image processor, the tokenizer and the placeholders repeated here give the same ids, grids
and logits; the tests compare them with the recordings of the official codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, ConfigError, ImageError
from ...prompt import ImageSlot

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image as Picture
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

# Model types whose images are read here.
FAMILIES = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "llava", "internvl"})

# How many times longer than the other a side may be; the Qwen family's own limit is 200.
_LONGEST = 199


@dataclass(frozen=True, slots=True)
class Read:
    """An image as a network reads it.

    Attributes:
        pixels: The tensors of its vision tower, by the names of its arguments.
        tokens: How many tokens of the prompt it becomes.
        area: How many pixels the vision tower reads, in all tiles.
    """

    pixels: Mapping[str, torch.Tensor]
    tokens: int
    area: int

    @property
    def size(self) -> int:
        """Bytes of the pixels."""
        return sum(tensor.nbytes for tensor in self.pixels.values())


class ImageReader:
    """The image processor of a model, and what stands for an image in its prompts.

    Args:
        processor: The image processor of transformers.
        config: The model's config.
        tokenizer: The model's tokenizer.
        model: The model's name in messages.

    Raises:
        ConfigError: The model is of a family that nobody has taught this class.
    """

    def __init__(
        self, processor: Any, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, model: str
    ) -> None:
        self._processor = processor
        self._model = model
        self._grids = hasattr(processor, "merge_size")
        token = getattr(config, "image_token_id", None)
        self.token = int(config.image_token_index if token is None else token)
        self._tiles = config.model_type == "internvl"
        self._tile = processor.size["height"] * processor.size["width"] if self._tiles else 0
        self._per_tile: int = 0
        if self._grids:
            self._per_token = processor.merge_size**2
            start, end = (self._name(config, tokenizer, f"vision_{side}_token_id") for side in ("start", "end"))
        else:
            self._per_tile = _tokens_of_a_tile(config, model)
            start = end = ""
            if self._tiles:
                start, end = "<img>", "</img>"
                start, end = (name if name in tokenizer.get_vocab() else "" for name in (start, end))
        name = tokenizer.convert_ids_to_tokens(self.token)
        self.placeholder = f"{start}{name}{end}"

    def read(self, slot: ImageSlot) -> Read:
        """The pixels of an image.

        Raises:
            ImageError: The image cannot be read, or not by this model.
        """
        picture = self.picture(slot)
        try:
            found = dict(self._processor(images=[picture], return_tensors="pt", **self.bounds(slot)))
        except (ValueError, ZeroDivisionError, OSError) as error:
            width, height = picture.size
            raise ImageError(
                f"{slot.image.name} of {width} x {height} pixels is nothing that {self._model!r} reads: {error}."
            ) from error
        found.pop("num_patches", None)
        if self._grids:
            patches = int(found["image_grid_thw"].prod())
            return Read(found, patches // self._per_token, patches * self._processor.patch_size**2)
        tiles = found["pixel_values"]
        return Read(
            {"pixel_values": tiles}, self._per_tile * len(tiles), tiles.shape[-2] * tiles.shape[-1] * len(tiles)
        )

    def picture(self, slot: ImageSlot) -> Picture:
        """The picture that the image processor gets.

        Raises:
            ImageError: The image cannot be read.
        """
        picture = slot.image.open()
        return _no_line(picture) if self._grids else picture

    def bounds(self, slot: ImageSlot) -> dict[str, Any]:
        """What the image processor is told beside its own settings."""
        if self._tiles:
            # InternVL's processor always cuts into tiles, whatever the file of its image processor says.
            tiles = int(self._processor.max_patches)
            if slot.max_pixels:
                tiles = min(tiles, max(1, slot.max_pixels // self._tile))
            return {"crop_to_patches": True, "max_patches": tiles}
        if not self._grids or not (slot.min_pixels or slot.max_pixels):
            return {}
        least, most = (self._processor.size[key] for key in ("shortest_edge", "longest_edge"))
        most = slot.max_pixels or most
        return {"size": {"shortest_edge": min(slot.min_pixels or least, most), "longest_edge": most}}

    def _name(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, key: str) -> str:
        token = getattr(config, key, None)
        name = None if token is None else tokenizer.convert_ids_to_tokens(token)
        if not isinstance(name, str):
            raise BackendError(f"The config of {self._model!r} has no {key} that its tokenizer knows.")
        return name


def _no_line(picture: Picture) -> Picture:
    """The picture on white of more height or width where one side is so much longer that the Qwen family refuses it."""
    width, height = picture.size
    least = -(-max(width, height) // _LONGEST)
    if min(width, height) >= least:
        return picture
    from PIL import Image

    canvas = Image.new("RGB", (max(width, least), max(height, least)), "white")
    canvas.paste(picture)
    return canvas


def _tokens_of_a_tile(config: PretrainedConfig, model: str) -> int:
    """How many tokens an image, or each tile of it, becomes in models whose images all have one size."""
    if config.model_type not in ("llava", "internvl"):
        raise ConfigError(
            f"{model!r} is a {config.model_type} model, whose images nobody has taught swaprank to read.",
            hint="Take Qwen2-VL, Qwen2.5-VL, Qwen3-VL, LLaVA 1.5 or InternVL, or serve it and take backend: http.",
        )
    return int(config.image_seq_length)
