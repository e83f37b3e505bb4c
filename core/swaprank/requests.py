"""What can be asked of a model, and what it answers: one Request and one Response kind per capability.

A method yields Requests, a backend returns one Response per Request, in order. A new kind of question
costs one member of `Capability`, one Request and one Response here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

from .prompt import Prompt, Text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Capability(StrEnum):
    """What a backend may be able to answer."""

    TEXT = "text"
    LABEL_LOGPROBS = "label_logprobs"
    SEQUENCE_LOGPROBS = "sequence_logprobs"
    PAIR_SCORE = "pair_score"
    EMBEDDINGS = "embeddings"
    TOKEN_EMBEDDINGS = "token_embeddings"
    LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class Generate:
    """Continue a prompt with text.

    Attributes:
        prompt: What is continued.
        max_tokens: Most tokens to generate.
        stop: Strings that end the generation; the text before them is returned.
        watch: Words whose log-probabilities at the last generated token are wanted; each stands for its
            first token.
        temperature: 0 decodes greedily.
        seed: Seed of the sampler; matters only above temperature 0.
        max_length: Most tokens of the prompt: its shrinking slots are cut so that it fits.
    """

    capability: ClassVar[Capability] = Capability.TEXT
    prompt: Prompt
    max_tokens: int
    stop: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class LabelLogprobs:
    """Log-probabilities of given next tokens after a prompt, over the whole vocabulary.

    Attributes:
        prompt: What comes before.
        labels: Words; each stands for its first token.
        single: Whether each word must be a single token of the model's vocabulary: if not, it is an error.
        spellings: Whether each word stands for every token that decodes to it (`A` and `▁A` of a SentencePiece
            vocabulary, and the byte), the best of which counts.
        max_length: Most tokens of the prompt: its shrinking slots are cut so that it fits.
    """

    capability: ClassVar[Capability] = Capability.LABEL_LOGPROBS
    prompt: Prompt
    labels: tuple[str, ...]
    single: bool = False
    spellings: bool = False
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class SequenceLogprob:
    """Log-probabilities of a given continuation after a prompt (query likelihood).

    Attributes:
        prompt: What comes before.
        continuation: What the model is made to say; tokenised without special tokens.
        max_length: Most tokens of the prompt: its shrinking slots are cut so that it fits.
    """

    capability: ClassVar[Capability] = Capability.SEQUENCE_LOGPROBS
    prompt: Prompt
    continuation: Text
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class PairScore:
    """Relevance logit of a (query, passage) pair from a classification head.

    Attributes:
        query: Left side of the pair.
        passage: Right side of the pair.
        max_length: Most tokens of the pair with its special tokens; None for the tokenizer's own limit.
        truncation: ``"longest_first"`` cuts the longer side token by token (the tokenizer's pair call);
            ``"passage"`` first cuts the query to `query_max_length`, then only the passage
            (FlagEmbedding); ``"sides"`` cuts each side to its own limit, encodes it as a text of its own
            with its own special tokens, and joins the two (DeAR's evaluation).
        query_max_length: Most query tokens under ``"passage"`` and ``"sides"``.
        passage_max_length: Most passage tokens under ``"sides"``.
        label: Which output of a head with several is the relevance; None for a head with one.
    """

    capability: ClassVar[Capability] = Capability.PAIR_SCORE
    query: str
    passage: str
    max_length: int | None = None
    truncation: Literal["longest_first", "passage", "sides"] = "longest_first"
    query_max_length: int | None = None
    passage_max_length: int | None = None
    label: int | None = None


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
    text: str
    role: Literal["query", "passage"]
    prompt: str | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class EmbedTokens:
    """One embedding per token of a text.

    Attributes:
        text: The text.
        role: Whether it is the query or a passage, for models that treat them apart.
        max_length: Most tokens; None for the model's own limit.
    """

    capability: ClassVar[Capability] = Capability.TOKEN_EMBEDDINGS
    text: str
    role: Literal["query", "passage"]
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """How a text becomes terms, and how terms become BM25 scores; see `methods/bm25.py`."""

    language: str = "auto"
    stemmer: bool = True
    stopwords: bool = True
    normalize: bool = True
    variant: str = "lucene"
    k1: float = 1.5
    b: float = 0.75
    delta: float = 0.5


@dataclass(frozen=True, slots=True)
class Lexical:
    """BM25 scores of all passages at once.

    Attributes:
        query: The query text.
        passages: The candidates.
        analysis: Tokenisation and formula.
        collection: Texts, the path of a JSONL file of them, or the folder of a `BM25Index`, whose
            statistics (document frequencies, average length) are used; empty for the candidates themselves.
    """

    capability: ClassVar[Capability] = Capability.LEXICAL
    query: str
    passages: tuple[str, ...]
    analysis: Analysis = Analysis()
    collection: tuple[str, ...] | str = ()


@dataclass(frozen=True, slots=True)
class LexicalBlend:
    """Blended BM25 of words, word pairs and character 4-grams of all passages at once; `methods/lexical.py`.

    Attributes:
        query: The query text.
        passages: The candidates.
        pairs: Weight of adjacent word pairs.
        grams: Weight of character 4-grams.
    """

    capability: ClassVar[Capability] = Capability.LEXICAL
    query: str
    passages: tuple[str, ...]
    pairs: float
    grams: float


Request = Generate | LabelLogprobs | SequenceLogprob | PairScore | Embed | EmbedTokens | Lexical | LexicalBlend


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request took; zeros where a backend does not count.

    Attributes:
        input_tokens: Tokens read.
        output_tokens: Tokens written.
        cut: How many slots of the prompt were cut to make it fit.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cut: int = 0


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
    """Answer to `Embed`.

    Attributes:
        vector: The embedding, not necessarily of unit length. Any float sequence; arrays are fine.
        coverage: Share (0 to 1) of the text's letters that the model's vocabulary knows as more
            than single characters or bytes; None where the backend cannot tell.
        usage: Tokens read.
    """

    vector: Sequence[float] | NDArray[np.floating]
    coverage: float | None = None
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class TokenEmbeddings:
    """Answer to `EmbedTokens`.

    Attributes:
        ids: The token ids.
        table: Rows of vectors [rows, dimensions].
        rows: Which row of the table is each token's; None when the rows are the tokens' in order. Static
            models share one table between all texts, so that a thousand texts cost no more memory than
            their ids.
        coverage: As in `Embedded`.
        usage: Tokens read.
    """

    ids: Sequence[int]
    table: NDArray[np.floating] = field(repr=False)
    rows: Sequence[int] | None = None
    coverage: float | None = None
    usage: Usage = Usage()

    @property
    def vectors(self) -> NDArray[np.floating]:
        """One vector per token: [tokens, dimensions]."""
        return self.table if self.rows is None else self.table[list(self.rows)]


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Answer to `Lexical` and `LexicalBlend`: one score per passage, in the order asked."""

    scores: tuple[float, ...]
    usage: Usage = Usage()


Response = Generated | LabelScores | SequenceScore | PairScored | Embedded | TokenEmbeddings | LexicalScores

# The kind of response that answers each kind of request; checked once, for every backend, in `flow.py`.
ANSWERS: dict[type[Request], type[Response]] = {
    Generate: Generated,
    LabelLogprobs: LabelScores,
    SequenceLogprob: SequenceScore,
    PairScore: PairScored,
    Embed: Embedded,
    EmbedTokens: TokenEmbeddings,
    Lexical: LexicalScores,
    LexicalBlend: LexicalScores,
}
