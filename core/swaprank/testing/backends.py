"""Backends without a model."""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ..errors import SwaprankError
from ..requests import (
    Attend,
    Attended,
    AttendFused,
    Capability,
    Embed,
    Embedded,
    EmbedImage,
    EmbedImageTokens,
    EmbedMarks,
    EmbedPrompt,
    EmbedTokens,
    FetchImage,
    Generate,
    Generated,
    GenerateFused,
    ImageBytes,
    LabelLogprobs,
    LabelScores,
    Lexical,
    LexicalBlend,
    LexicalScores,
    PairScore,
    PairScored,
    PromptScore,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
    TokenEmbeddings,
    Tokenize,
    Tokenized,
    Viewed,
    Views,
)

EVERYTHING = frozenset(Capability)


class ScriptedBackend:
    """Answers every request with a function, and remembers what it was asked.

    Args:
        answer: Takes a request and returns its response, or the error of this request alone; raises to play a
            failure of the whole batch.
        capabilities: What it claims to answer; everything by default.
        model: The model name it reports.

    Attributes:
        requests: All requests, in the order they came.
        batches: How many requests each call of `run` or `arun` held.
    """

    name = "scripted"

    def __init__(
        self,
        answer: Callable[[Request], Response | SwaprankError],
        *,
        capabilities: Iterable[Capability] = EVERYTHING,
        model: str = "scripted",
    ) -> None:
        self.capabilities = frozenset(capabilities)
        self.model = model
        self.requests: list[Request] = []
        self.batches: list[int] = []
        self._answer = answer

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer each request with the function."""
        self.requests += requests
        self.batches.append(len(requests))
        return [self._answer(request) for request in requests]

    async def arun(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """As `run`."""
        return self.run(requests)


class OracleBackend(ScriptedBackend):
    """Knows the relevance of every passage text and answers scoring requests accordingly.

    Pair scores are the relevance itself, embeddings have a cosine that rises with it, BM25 scores equal
    it. It cannot write text: what a listwise model would say depends on the prompt, so script that.

    Args:
        relevance: Passage text to relevance; texts that are missing have relevance 0.
    """

    name = "oracle"

    def __init__(self, relevance: Mapping[str, float]) -> None:
        super().__init__(
            self._know,
            capabilities={Capability.PAIR_SCORE, Capability.EMBEDDINGS, Capability.LEXICAL},
            model="oracle",
        )
        self._relevance = dict(relevance)

    def _know(self, request: Request) -> Response:
        if isinstance(request, PairScore):
            relevance = self._relevance.get(request.passage, 0.0)
            return PairScored(logit=relevance, activation="identity", activated=relevance)
        if isinstance(request, Embed):
            if request.role == "query":
                return Embedded(vector=(1.0, 0.0))
            angle = math.pi / 2 - math.atan(self._relevance.get(request.text, 0.0))
            return Embedded(vector=(math.cos(angle), math.sin(angle)))
        if isinstance(request, Lexical | LexicalBlend):
            return LexicalScores(tuple(self._relevance.get(text, 0.0) for text in request.passages))
        raise TypeError(f"The oracle cannot answer a {type(request).__name__} request.")


_JUNK = (
    "",
    "[2] > [1]",
    "[1] > [1] > [99] > [0] > [-3]",
    "I cannot rank these passages.",
    "<think>[1] is better than [2]</think> [2] > [1]",
    '{"1": 7, "2": "high"}',
    "٢ > ١",
    "<answer>11</answer>",
    "[" * 2000,
)


def arbitrary_response(request: Request) -> Response:
    """A well-typed answer that makes no sense: junk text, random numbers; the same request, the same answer."""
    seed = hashlib.sha256(repr(request).encode("utf-8", "surrogatepass")).digest()
    chance = random.Random(seed)
    match request:
        case Generate() | GenerateFused():
            return Generated(text=chance.choice(_JUNK))
        case LabelLogprobs(labels=labels):
            return LabelScores(tuple(math.log(chance.uniform(1e-9, 1)) for _ in labels))
        case SequenceLogprob():
            return SequenceScore(tuple(math.log(chance.uniform(1e-9, 1)) for _ in range(chance.randint(1, 8))))
        case PairScore() | PromptScore():
            logit = chance.gauss(0, 4)
            return PairScored(logit=logit, activation="identity", activated=logit)
        case FetchImage():
            return ImageBytes(b"")
        case Embed() | EmbedImage() | EmbedPrompt():
            return Embedded(vector=tuple(chance.gauss(0, 1) for _ in range(8)))
        case EmbedTokens(text=text):
            ids = [ord(letter) % 97 for letter in text]
            table = np.random.default_rng(7).normal(size=(97, 8))
            return TokenEmbeddings(ids=ids, table=table, rows=ids)
        case EmbedImageTokens():
            return TokenEmbeddings(ids=[0] * 5, table=np.random.default_rng(chance.getrandbits(32)).normal(size=(5, 8)))
        case EmbedMarks(prompt=prompt, marks=marks):
            parts = prompt if isinstance(prompt, tuple) else ()
            own = [part for part in parts if isinstance(part, str)]
            count = sum(part.count(mark) for part in own for mark in marks)
            draw = np.random.default_rng(chance.getrandbits(32))
            return TokenEmbeddings(ids=[0] * count, table=draw.normal(size=(count, 8)))
        case Views(prompts=prompts, views=views):
            numbers = np.random.default_rng(chance.getrandbits(32))
            return Viewed(numbers.normal(size=(len(prompts), views, 8)), numbers.normal(size=(views, 8)))
        case Attend(context=context, endings=endings):
            tokens = [chance.randint(1, 8) for _ in context]
            draw = np.random.default_rng(chance.randrange(2**32))
            return Attended(tuple(tuple(draw.random(n, dtype=np.float32) for n in tokens) for _ in endings))
        case AttendFused(prompts=prompts):
            draw = np.random.default_rng(chance.randrange(2**32))
            return Attended((tuple(draw.random(4, dtype=np.float32) for _ in prompts),))
        case Tokenize(text=text):
            return Tokenized([match.start() for match in re.finditer(r"\S+", text)])
        case Lexical(passages=passages) | LexicalBlend(passages=passages):
            return LexicalScores(tuple(chance.expovariate(1) for _ in passages))
