"""Vision-language models in vLLM: prompts of token ids, and the pictures that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, ResponseError, SwaprankError
from ...requests import Request, Response
from .._tokens.image_tokens import VisionTokens
from .language import VllmLanguageModel

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from .engine import Engine, Given


class VisionEngine:
    """An engine whose prompts may hold images, numbered as `VisionTokens` numbers them.

    vLLM gets one placeholder for each image, the picture, and the bounds of its size; it runs the image processor
    itself, and keeps what the vision tower made of an image for the prompts that show it again.

    Args:
        engine: The engine.
        tokens: The model's tokenizer, which knows the images of a call.
    """

    def __init__(self, engine: Engine, tokens: VisionTokens) -> None:
        self._engine = engine
        self._tokens = tokens
        self._seen: dict[int, Picture] = {}

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its answer, those of images included."""
        return self._engine.context

    def generate(self, prompts: Sequence[Sequence[int]], params: Sequence[Any]) -> list[Any]:
        """As `Engine.generate`; an id below zero stands for a token of an image.

        Raises:
            ConfigError: The images of one prompt have different bounds.
            ImageError: An image cannot be read.
            ResponseError: vLLM made more or fewer tokens of an image than its processor says.
        """
        outputs = self._engine.generate([self._given(prompt) for prompt in prompts], params)
        for prompt, output in zip(prompts, outputs, strict=True):
            if len(output.prompt_token_ids) != len(prompt):
                raise ResponseError(
                    f"vLLM read {len(output.prompt_token_ids)} tokens of a prompt for {self._engine.model!r}, whose "
                    f"image processor makes {len(prompt)}.",
                    hint="Does engine_args hold mm_processor_kwargs? Say min_pixels and max_pixels beside the method.",
                )
        return outputs

    def forget(self) -> None:
        """Give up the pictures of a call."""
        self._seen.clear()

    def _given(self, prompt: Sequence[int]) -> Given:
        ids: list[int] = []
        numbers: list[int] = []
        place = 0
        while place < len(prompt):
            token = prompt[place]
            ids.append(self._tokens.image_token if token < 0 else token)
            if token < 0:
                numbers.append(-token)
            place += self._tokens.length(-token) if token < 0 else 1
        if not numbers:
            return {"prompt_token_ids": ids}
        given: Given = {
            "prompt_token_ids": ids,
            "multi_modal_data": {"image": [self._picture(number) for number in numbers]},
        }
        bounds = [self._tokens.bounds(number) for number in numbers]
        if any(bound != bounds[0] for bound in bounds):
            raise ConfigError(
                f"The images of a prompt for {self._engine.model!r} have different bounds of pixels; vLLM takes one.",
                hint="Give queries and passages the same min_pixels and max_pixels, or take backend: transformers.",
            )
        return {**given, "mm_processor_kwargs": bounds[0]} if bounds[0] else given

    def _picture(self, number: int) -> Picture:
        if number not in self._seen:
            self._seen[number] = self._tokens.picture(number)
        return self._seen[number]


class VisionLanguageModel(VllmLanguageModel):
    """A language model that reads images, whose forward passes are vLLM's.

    Args:
        engine: What reads and writes.
        tokens: The model's tokenizer, which knows the images of a call.
        model: The model's name in messages.
        logits: Whether the engine tells logits in place of log-probabilities.
    """

    def __init__(self, engine: VisionEngine, tokens: VisionTokens, model: str, *, logits: bool = False) -> None:
        super().__init__(engine, tokens, model, logits=logits)
        self._seeing, self._images = engine, tokens

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal ones once, unless they are sampled.

        A prompt with an image that cannot be read has an `ImageError` in place of its response.
        """
        try:
            return super().run(requests)
        finally:
            self._seeing.forget()
            self._images.forget()
