"""What can be asked of a model, and what it answers: one Request and one Response kind per capability.

A method yields Requests, a backend returns one Response per Request, in order. Each kind of request says which
capability it needs and which kind of response answers it (checked once, for every backend, by `flow/drivers.py`). A new
kind of question costs one member of `Capability`, one Request here and one Response in `responses.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .capability import Capability as Capability
from .embedding_requests import AttendFused as AttendFused
from .embedding_requests import Embed as Embed
from .embedding_requests import EmbedImage as EmbedImage
from .embedding_requests import EmbedImageTokens as EmbedImageTokens
from .embedding_requests import EmbedMarks as EmbedMarks
from .embedding_requests import EmbedPrompt as EmbedPrompt
from .embedding_requests import EmbedTokens as EmbedTokens
from .embedding_requests import Views as Views
from .images import Image, ImageLimits
from .prompt import Compression, Prompt, Text
from .responses import Attended as Attended
from .responses import Embedded as Embedded
from .responses import Generated as Generated
from .responses import ImageBytes as ImageBytes
from .responses import LabelScores as LabelScores
from .responses import LexicalScores as LexicalScores
from .responses import PairScored as PairScored
from .responses import Response as Response
from .responses import SequenceScore as SequenceScore
from .responses import TokenEmbeddings as TokenEmbeddings
from .responses import Tokenized as Tokenized
from .responses import Usage as Usage
from .responses import Viewed as Viewed


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
        start: What an encoder-decoder's answer is made to begin with; it is not part of the returned text. Other
            backends than transformers leave it to the model. In a prompt for decoder-only models put it at the end.
    """

    capability: ClassVar[Capability] = Capability.TEXT
    response: ClassVar[type[Generated]] = Generated
    prompt: Prompt
    max_tokens: int
    stop: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int | None = None
    max_length: int | None = None
    start: str = ""

    @property
    def is_sampled(self) -> bool:
        """Whether the same request again may get another answer."""
        return self.temperature > 0 and self.seed is None


@dataclass(frozen=True, slots=True)
class GenerateFused:
    """Text that an encoder-decoder writes after reading several prompts, each encoded alone (Fusion-in-Decoder).

    Decoding is greedy.

    Attributes:
        prompts: What is encoded, one per passage; the decoder attends to all of them.
        max_tokens: Most tokens to generate.
        max_length: Most tokens of each prompt with its special tokens; what is too much is cut from its end.
    """

    capability: ClassVar[Capability] = Capability.FUSED_TEXT
    response: ClassVar[type[Generated]] = Generated
    prompts: tuple[Text, ...]
    max_tokens: int
    max_length: int


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
    response: ClassVar[type[LabelScores]] = LabelScores
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
    response: ClassVar[type[SequenceScore]] = SequenceScore
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
    response: ClassVar[type[PairScored]] = PairScored
    query: str
    passage: str
    max_length: int | None = None
    truncation: Literal["longest_first", "passage", "sides"] = "longest_first"
    query_max_length: int | None = None
    passage_max_length: int | None = None
    label: int | None = None


@dataclass(frozen=True, slots=True)
class PromptScore:
    """Relevance logit of a prompt, by a head that reads its last token.

    Attributes:
        prompt: What is read.
        end: The id of the token that is read last, put behind the prompt; None where the prompt ends by itself.
        max_length: Most tokens of the prompt: its shrinking slots are cut so that it fits.
        layer: How many layers are computed, in models with a head on each; None for all.
        compression: How its middle is compressed, in models that are trained for it; None for not at all.
    """

    capability: ClassVar[Capability] = Capability.PROMPT_SCORE
    response: ClassVar[type[PairScored]] = PairScored
    prompt: Prompt
    end: int | None = None
    max_length: int | None = None
    layer: int | None = None
    compression: Compression | None = None


@dataclass(frozen=True, slots=True)
class Attend:
    """The attention that each token of a context receives from what is read after it.

    Attributes:
        context: The parts of the context, read one after the other as one text.
        endings: What is read after the context: each by itself, as if the others were not there.
        chat: Whether context and ending are a user's message in the model's chat template, what the template
            puts after the message being part of the ending. Neither may then begin or end in white space, which
            templates strip.
        max_length: Most tokens of the context and an ending: the shrinking slots of the context are cut so that
            it fits.
    """

    capability: ClassVar[Capability] = Capability.ATTENTION
    response: ClassVar[type[Attended]] = Attended
    context: tuple[Text, ...]
    endings: tuple[Text, ...]
    chat: bool = False
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
    response: ClassVar[type[LexicalScores]] = LexicalScores
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
        given: What the passages came with, one score each; none to leave `LexicalScores.explained` unsaid.
    """

    capability: ClassVar[Capability] = Capability.LEXICAL
    response: ClassVar[type[LexicalScores]] = LexicalScores
    query: str
    passages: tuple[str, ...]
    pairs: float
    grams: float
    given: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Where the model's tokens begin in a text; nothing is computed but the tokenizer."""

    capability: ClassVar[Capability] = Capability.TOKENS
    response: ClassVar[type[Tokenized]] = Tokenized
    text: str


@dataclass(frozen=True, slots=True)
class FetchImage:
    """The bytes of an image on a server; asked by the stage before its method reads, and of no model."""

    capability: ClassVar[Capability] = Capability.IMAGE_BYTES
    response: ClassVar[type[ImageBytes]] = ImageBytes
    image: Image
    limits: ImageLimits


Request = (
    Generate | GenerateFused | LabelLogprobs | SequenceLogprob | PairScore | Embed | EmbedImage | EmbedTokens
    | EmbedImageTokens | PromptScore | Views | EmbedPrompt | EmbedMarks | Attend | AttendFused | Lexical
    | LexicalBlend | Tokenize | FetchImage
)  # fmt: skip
