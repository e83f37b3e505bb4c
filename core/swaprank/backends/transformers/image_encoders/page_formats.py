"""What the families of page models read around a page and a text, and what their networks get of a batch.

Protocols of colpali-engine (MIT, https://github.com/illuin-tech/colpali) and of transformers' own classes (Apache-2.0).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ImageError
from ....requests import EmbedImageTokens

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

# The tokens that expand a query.
_EXPANSIONS = 10


class PageFormat(ABC):
    """A family.

    Attributes:
        image_token: The id that stands for each token of an image.
        around_page: What stands before and after the image.
        start: What every text begins with.
        query_prefix: What follows it in a query, unless another is asked for: the prefix that the weights were trained
            with.

    Args:
        processor: The image processor, for Pillow's pictures.
        config: The config of the vision-language model.
        model: The model's name in messages.
    """

    around_page: tuple[str, str]
    start: str = ""
    query_prefix: str

    def __init__(self, processor: Any, config: PretrainedConfig, model: str) -> None:
        self._processor = processor
        self._model = model
        token = getattr(config, "image_token_id", None)
        self.image_token = int(config.image_token_index if token is None else token)

    @abstractmethod
    def expansion(self, prefix: str) -> str:
        """What follows a query with this prefix."""

    @abstractmethod
    def length(self, page: EmbedImageTokens) -> int:
        """How many tokens an image becomes.

        Raises:
            ImageError: It cannot be read.
        """

    @abstractmethod
    def inputs(self, ids: torch.Tensor, mask: torch.Tensor, pages: Sequence[EmbedImageTokens]) -> dict[str, Any]:
        """What the network gets beside ids and mask [rows, width], padded on the left, on their device."""


class QwenPages(PageFormat):
    """ColQwen2 and ColQwen2.5: an image has as many tokens as its size asks for, and three-dimensional positions."""

    around_page = (
        "<|im_start|>user\n<|vision_start|>",
        "<|vision_end|>Describe the image.<|im_end|><|endoftext|>",
    )
    # colpali-engine has left the prefix out since 0.3.11.
    query_prefix = "Query: "

    def expansion(self, prefix: str) -> str:
        """Always the same."""
        return "<|endoftext|>" * _EXPANSIONS

    def length(self, page: EmbedImageTokens) -> int:
        """By the size of the image.

        Raises:
            ImageError: It cannot be read, or is too narrow for the model.
        """
        picture = page.image.open()
        try:
            least, most = self._limits(page)
            bounds = {"min_pixels": least, "max_pixels": most}
            patches = self._processor.get_number_of_image_patches(picture.height, picture.width, bounds)
        except ValueError as error:
            raise ImageError(f"{page.image.name} does not suit the model {self._model!r}: {error}") from error
        return int(patches // self._processor.merge_size**2)

    def inputs(self, ids: torch.Tensor, mask: torch.Tensor, pages: Sequence[EmbedImageTokens]) -> dict[str, Any]:
        """Patches with their grids, and which tokens are of an image: else every token gets a plain position."""
        import torch

        if not pages:
            return {}
        # Opened batch by batch: decoded pictures are large.
        read = []
        for page in pages:
            least, most = self._limits(page)
            size = {"shortest_edge": least, "longest_edge": most}
            read.append(self._processor([page.image.open()], return_tensors="pt", size=size))
        return {
            "pixel_values": torch.cat([one["pixel_values"] for one in read]).to(ids.device),
            "image_grid_thw": torch.cat([one["image_grid_thw"] for one in read]).to(ids.device),
            "mm_token_type_ids": ((ids == self.image_token) & mask.bool()).long(),
        }

    def _limits(self, page: EmbedImageTokens) -> tuple[int, int]:
        """The least and most pixels of an image: the model's, with the request's own."""
        most = page.max_pixels or int(self._processor.size["longest_edge"])
        return min(int(self._processor.size["shortest_edge"]), most), most


class PaliGemmaPages(PageFormat):
    """ColPali: every image is squashed to one size, and all tokens attend to all others.

    Args:
        processor: As in `PageFormat`.
        config: As in `PageFormat`.
        model: As in `PageFormat`.
        tokenizer: The model's tokenizer.
        starts: How often the beginning of a sequence stands after an image: once in transformers' own class, twice in
            colpali-engine, whose prompt holds one to which the processor of PaliGemma adds another.
    """

    query_prefix = "Question: "

    def __init__(
        self,
        processor: Any,
        config: PretrainedConfig,
        model: str,
        tokenizer: PreTrainedTokenizerBase,
        *,
        starts: int = 1,
    ) -> None:
        super().__init__(processor, config, model)
        self.start = str(tokenizer.bos_token)
        self.around_page = ("", f"{self.start * starts}Describe the image.\n")
        self._pad = str(tokenizer.pad_token)
        vision = config.vision_config
        self._tokens = int(vision.image_size // vision.patch_size) ** 2

    def expansion(self, prefix: str) -> str:
        """With a line break where there is a prefix, as in training; colpali-engine leaves both out since 0.3.11."""
        return self._pad * _EXPANSIONS + ("\n" if prefix else "")

    def length(self, page: EmbedImageTokens) -> int:
        """The same for every image.

        Raises:
            ImageError: It cannot be read.
        """
        page.image.open()
        return self._tokens

    def inputs(self, ids: torch.Tensor, mask: torch.Tensor, pages: Sequence[EmbedImageTokens]) -> dict[str, Any]:
        """Pixels; positions from 1; and that all tokens are of the part that attends in both directions."""
        import torch

        found: dict[str, Any] = {
            "position_ids": mask.cumsum(-1).clamp(min=1),
            "token_type_ids": torch.zeros_like(ids),
        }
        if pages:
            read = [self._processor(images=[page.image.open()], return_tensors="pt")["pixel_values"] for page in pages]
            found["pixel_values"] = torch.cat(read).to(ids.device)
        return found
