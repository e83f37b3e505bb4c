"""What can be asked of a model that answers with vectors; `requests.py` has all other kinds, and the list of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .capability import Capability
from .images import Image
from .prompt import Prompt, Text
from .responses import Attended, Embedded, TokenEmbeddings, Viewed


@dataclass(frozen=True, slots=True)
class Embed:
    """One embedding of a text.

    Attributes:
        text: The text without any prompt.
        role: Which of the model's own prompts applies when `prompt` is None.
        prompt: Text put before `text`; None for the model's own prompt of that role, ``""`` for none.
        max_length: Most tokens, special tokens included; None for the model's own limit.
    """

    capability: ClassVar[Capability] = Capability.EMBEDDINGS
    response: ClassVar[type[Embedded]] = Embedded
    text: str
    role: Literal["query", "passage"]
    prompt: str | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class EmbedImage:
    """One embedding of an image, in the space of the texts' embeddings.

    Attributes:
        image: The image; one that cannot be read is answered with an empty vector that says why.
    """

    capability: ClassVar[Capability] = Capability.EMBEDDINGS
    response: ClassVar[type[Embedded]] = Embedded
    image: Image


@dataclass(frozen=True, slots=True)
class EmbedTokens:
    """One embedding per token of a text.

    All attributes after `max_length` are read by late-interaction models only, and None means what the
    model's own config says.

    Attributes:
        text: The text.
        role: Whether it is the query or a passage, for models that treat them apart.
        max_length: Most tokens, special tokens included; None for the model's own limit.
        marker: The token that is put after the first one to tell queries from passages.
        expansion: Whether a query is filled up with mask tokens to `max_length`.
        attended: Whether the text's tokens attend to those mask tokens.
        skip: Marks whose tokens in a passage are read, but get no embedding.
    """

    capability: ClassVar[Capability] = Capability.TOKEN_EMBEDDINGS
    response: ClassVar[type[TokenEmbeddings]] = TokenEmbeddings
    text: str
    role: Literal["query", "passage"]
    max_length: int | None = None
    marker: str | None = None
    expansion: bool | None = None
    attended: bool | None = None
    skip: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class EmbedImageTokens:
    """One embedding per token of an image that is read as a page.

    Attributes:
        image: The image; one that cannot be read is answered without tokens, and says why.
        max_pixels: Most pixels that are read: a larger image is shrunk; None for as many as the model's config says.
        image_only: Whether the tokens of the prompt around the image get no embedding.
    """

    capability: ClassVar[Capability] = Capability.TOKEN_EMBEDDINGS
    response: ClassVar[type[TokenEmbeddings]] = TokenEmbeddings
    image: Image
    max_pixels: int | None = None
    image_only: bool = False


@dataclass(frozen=True, slots=True)
class EmbedPrompt:
    """The embedding of a whole prompt by a decoder: what it has made of the last token.

    Attributes:
        prompt: What is read; nothing is appended to it.
        max_length: Most tokens of the prompt: what shrinks in it is cut, never its end.
    """

    capability: ClassVar[Capability] = Capability.PROMPT_EMBEDDINGS
    response: ClassVar[type[Embedded]] = Embedded
    prompt: Prompt
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class EmbedMarks:
    """The embeddings of a decoder at marked places of a prompt, through the model's own projection.

    Attributes:
        prompt: What is read.
        marks: The tokens of the model's vocabulary that mark the places. Whatever of them stands in a `Slot` is plain
            text, and marks nothing.
        max_length: Most tokens of the prompt: what shrinks in it is cut.
    """

    capability: ClassVar[Capability] = Capability.MARKED_EMBEDDINGS
    response: ClassVar[type[TokenEmbeddings]] = TokenEmbeddings
    prompt: Prompt
    marks: tuple[str, ...]
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """View vectors of all candidates, and the anchors that a decoder makes of them (Fusion-in-Decoder).

    Attributes:
        prompts: One per passage; each begins with the view tokens.
        views: How many view tokens there are: their encodings are the first so many of a prompt.
        max_length: Most tokens of a prompt with its special tokens; what is too much is cut from its end.
    """

    capability: ClassVar[Capability] = Capability.VIEWS
    response: ClassVar[type[Viewed]] = Viewed
    prompts: tuple[Text, ...]
    views: int
    max_length: int


@dataclass(frozen=True, slots=True)
class AttendFused:
    """What each token of several prompts, encoded alone, receives from a decoder that writes (Fusion-in-Decoder).

    Decoding is greedy. A token receives, at each token that is written, the attention probability times the norm of
    its value vector, as a mean over the heads and a sum over the layers.

    Attributes:
        prompts: What is encoded, one per passage; the decoder attends to all of them.
        opening: What all prompts begin with; what its tokens receive is left out.
        max_tokens: Most tokens to write, the one that ends the text included.
        max_length: Most tokens of a prompt with its special tokens; what is too much is cut from its end.
    """

    capability: ClassVar[Capability] = Capability.FUSED_ATTENTION
    response: ClassVar[type[Attended]] = Attended
    prompts: tuple[Text, ...]
    opening: Text
    max_tokens: int
    max_length: int
