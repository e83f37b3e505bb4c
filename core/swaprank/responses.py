"""What a backend answers: one Response kind per capability; `requests.py` says which answers which Request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request took; zeros where a backend does not count.

    Attributes:
        input_tokens: Tokens read.
        output_tokens: Tokens written.
        cut: How many slots of the prompt were cut to make it fit.
        cached: 1 where the answer comes out of a cache, or was asked for by an equal request beside it.
        requests: 1, or 0 where another answer of the same call to a server counts it.
        billed_units: What a hosted service says it bills: Cohere's search units, Jina's tokens.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cut: int = 0
    cached: int = 0
    requests: int = 1
    billed_units: float = 0.0


@dataclass(frozen=True, slots=True)
class Generated:
    """Answer to `Generate`.

    Attributes:
        text: What was written, without special tokens and without the stop string.
        tokens: The text in tokens, as far as the backend tells them; together they are `text`.
        logprobs: Natural-log probability of each token of `tokens` when it was written.
        ending: What ended it: ``"stop"`` (a stop string), ``"end"`` (the model), ``"length"``.
        watched: Log-probability of each word of `Generate.watch` in place of the last generated token
            (of a stop string too); empty where the backend cannot tell.
        usage: Tokens read and written.
    """

    text: str
    tokens: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()
    ending: Literal["stop", "end", "length"] = "end"
    watched: tuple[float, ...] = ()
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Answer to `LabelLogprobs`.

    Attributes:
        logprobs: One natural-log probability per label, in the order asked.
        logits: The raw logits of the labels; empty where the backend does not tell them.
        usage: Tokens read.
    """

    logprobs: tuple[float, ...]
    logits: tuple[float, ...] = ()
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """Answer to `SequenceLogprob`: one natural-log probability per token of the continuation."""

    logprobs: tuple[float, ...]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class PairScored:
    """Answer to `PairScore`.

    Attributes:
        logit: The output of the classification head.
        activation: Lower-case name of the activation that the model's own config asks for.
        activated: The logit after that activation.
        usage: Tokens read.
    """

    logit: float
    activation: str
    activated: float
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Embedded:
    """Answer to `Embed`, `EmbedImage` and `EmbedPrompt`.

    Attributes:
        vector: The embedding, not necessarily of unit length. Any float sequence; arrays are fine.
        coverage: Share (0 to 1) of the text's letters that the model's vocabulary knows as more
            than single characters or bytes; None where the backend cannot tell.
        usage: Tokens read.
        unreadable: Why there is no vector: the image cannot be read; empty where it can.
    """

    vector: Sequence[float] | NDArray[np.floating]
    coverage: float | None = None
    usage: Usage = Usage()
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class TokenEmbeddings:
    """Answer to `EmbedTokens` and `EmbedImageTokens`, and to `EmbedMarks` for the marked tokens alone.

    Attributes:
        ids: The token ids [tokens].
        table: Rows of vectors [rows, dimensions].
        rows: Which row of the table is each token's; None when the rows are the tokens' in order. Static
            models share one table between all texts, so that a thousand texts cost no more memory than
            their ids.
        coverage: As in `Embedded`.
        usage: Tokens read.
        unreadable: As in `Embedded`.
    """

    ids: Sequence[int] | NDArray[np.integer]
    table: NDArray[np.floating] = field(repr=False)
    rows: Sequence[int] | NDArray[np.integer] | None = None
    coverage: float | None = None
    usage: Usage = Usage()
    unreadable: str = ""

    @property
    def vectors(self) -> NDArray[np.floating]:
        """One vector per token: [tokens, dimensions]."""
        return self.table if self.rows is None else self.table.take(self.rows, axis=0)


@dataclass(frozen=True, slots=True)
class Viewed:
    """Answer to `Views`.

    Attributes:
        views: Encodings of the view tokens [passages, views, dimensions].
        anchors: What the decoder makes of each view over all passages [views, dimensions].
        usage: Tokens read, and how many prompts were cut.
    """

    views: NDArray[np.floating] = field(repr=False)
    anchors: NDArray[np.floating] = field(repr=False)
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Attended:
    """Answer to `Attend` and `AttendFused`.

    Attributes:
        received: For each ending and each part of the context one float32 per token of the part: the attention
            probability that it receives, mean over the tokens of the ending, sum over all heads and layers. A token
            that two parts share is of the part of its first visible character. To `AttendFused`, what it is about:
            one ending, and of each prompt one float32 per token after the opening, sum over the tokens written.
        usage: Tokens read.
    """

    received: tuple[tuple[NDArray[np.float32], ...], ...] = field(repr=False)
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Answer to `Lexical` and `LexicalBlend`: one score per passage, in the order asked.

    Attributes:
        scores: The scores, which may depend on the other candidates.
        usage: What was read.
        evidence: To `LexicalBlend`, shares from 0 to 1 that do not depend on them, one per passage: ``terms``, the
            share of the query's words that the passage holds, rare words counting more; ``pairs``, that of its adjacent
            words.
        explained: To `LexicalBlend`, the share (0 to 1) of the variance of what the passages came with that the
            query's words explain; None where nobody can tell.
    """

    scores: tuple[float, ...]
    usage: Usage = Usage()
    evidence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    explained: float | None = None


@dataclass(frozen=True, slots=True)
class Tokenized:
    """Answer to `Tokenize`: the first character of each token, in order, special tokens left out."""

    starts: Sequence[int]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """Answer to `FetchImage`.

    Attributes:
        data: What its server sent.
        unreadable: Why there is none; empty where there is.
    """

    data: bytes = field(repr=False)
    unreadable: str = ""
    usage: Usage = Usage()


Response = (
    Generated | LabelScores | SequenceScore | PairScored | Embedded | TokenEmbeddings | Viewed | Attended
    | LexicalScores | Tokenized | ImageBytes
)  # fmt: skip
