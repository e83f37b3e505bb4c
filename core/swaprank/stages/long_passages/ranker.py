"""LongPassages: a ranker that reads passages in parts, and scores them by their parts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...backend import Backend
from ...errors import SwaprankError
from ...flow.flow import Ask, Flow, ask
from ...requests import Capability, Tokenize, Tokenized
from ...scores.ranks import descending
from ...types import Call, Highlight, Passage, Query
from ..candidate_scores import CandidateScores
from ..method_ranker import MethodRanker
from ..scale import Scale
from .chunks import Unit, chunks, estimated_starts, units
from .key_sentences import MOST, chosen, closeness, closeness_requests, pattern
from .options import LongPassagesOptions

KEY_SENTENCES = "key-sentences"


@dataclass(frozen=True, slots=True)
class _Part:
    """What is read of a passage at a time: all of it, a chunk or a key sentence.

    Attributes:
        passage: Which passage.
        start: Where it begins in the passage's text.
        end: Where it ends.
        weight: What its score counts in a weighted mean.
        whole: Whether it is the whole passage.
    """

    passage: int
    start: int
    end: int
    weight: float = 1.0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Long:
    """A passage that is split: its sentences, and most tokens of its text that are read at a time."""

    units: Sequence[Unit]
    most: int


@dataclass(frozen=True)
class LongPassages:
    """Splits passages that are too long, has all parts of all passages scored together, and combines their scores.

    Args:
        options: See there.
        ranker: Scores each part by itself.
        backend: The model's; counts tokens where it can (`Capability.TOKENS`), else they are estimated.
        embedded: Tells which sentences are close to a query, for ``key-sentences``.
    """

    options: LongPassagesOptions
    ranker: MethodRanker
    backend: Backend
    embedded: Backend

    @property
    def takes_instruction(self) -> bool:
        """Whether the method reads `Query.instruction`."""
        return self.ranker.takes_instruction

    @property
    def scale(self) -> Scale:
        """That of the method: a combined score means what one of a part does."""
        return self.ranker.scale

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages by the scores of their parts; ``previous_scores`` are not read."""
        long = yield from self._long(passages)
        calls: list[Call] = []
        if self.options.combine == "key-sentences":
            parts = yield from self._key_sentences(query, passages, long, calls)
        else:
            parts = {place: self._chunks(place, own) for place, own in long.items()}
        every = [
            part
            for place, passage in enumerate(passages)
            for part in parts.get(place) or [_Part(place, 0, len(passage.text), whole=True)]
        ]
        read = yield from self.ranker.flow(query, [_passage(passages[part.passage], part) for part in every], None)
        combined = self._combined(passages, every, read)
        combined.calls = [*calls, *combined.calls]
        return combined

    def _long(self, passages: Sequence[Passage]) -> Flow[dict[int, _Long]]:
        """The passages that are longer than a chunk."""
        # A token is at least a byte.
        maybe = [place for place, one in enumerate(passages) if len(one.content.encode()) > self.options.split]
        starts = yield from self._starts([passages[place].content for place in maybe])
        long = {}
        for place, own in zip(maybe, starts, strict=True):
            if len(own) <= self.options.split:
                continue
            before = len(passages[place].content) - len(passages[place].text)
            titled = bisect_left(own, before)
            # A title of many tokens must leave room for the text.
            most = max(self.options.split - titled, self.options.split // 2)
            found = units(passages[place].text, [start - before for start in own[titled:]], most)
            if len(found) > 1:
                long[place] = _Long(found, most)
        return long

    def _starts(self, texts: list[str]) -> Flow[list[Sequence[int]]]:
        """Where the tokens of each text begin: by the model's tokenizer, or estimated where nobody can tell."""
        if texts and Capability.TOKENS in self.backend.capabilities:
            # Each by itself, so that a text that no tokenizer takes costs the others nothing.
            answers = yield [Ask(self.backend, (Tokenize(text),)) for text in texts]
            return [_known(answer, text) for answer, text in zip(answers, texts, strict=True)]
        return [estimated_starts(text) for text in texts]

    def _chunks(self, place: int, long: _Long) -> list[_Part]:
        spans = chunks(long.units, long.most, self.options.repeated)
        read = spans[: self.options.k] if self.options.combine == "first-k" else spans
        return [_Part(place, start, end) for start, end in read]

    def _key_sentences(
        self, query: Query, passages: Sequence[Passage], long: Mapping[int, _Long], calls: list[Call]
    ) -> Flow[dict[int, list[_Part]]]:
        texts = {place: [passages[place].text[one.start : one.end] for one in own.units] for place, own in long.items()}
        every = [text for own in texts.values() for text in own]
        if not every:
            return {}
        answer = yield from ask(self.embedded, closeness_requests(query.text, every))
        calls.append(Call(KEY_SENTENCES, self.embedded.name, "", len(answer.responses), 0, 0, answer.seconds))
        lexical, cosine, trust = closeness(answer.responses)
        parts, first = {}, 0
        for place, own in texts.items():
            last = first + len(own)
            patterns = [pattern(query.text, text) for text in own]
            found = chosen(lexical[first:last], cosine[first:last], trust, patterns, self.options.k or MOST)
            own_units = long[place].units
            parts[place] = [_Part(place, own_units[one].start, own_units[one].end, weight) for one, weight in found]
            first = last
        return parts

    def _combined(self, passages: Sequence[Passage], parts: Sequence[_Part], read: CandidateScores) -> CandidateScores:
        """One score per passage of one score per part."""
        own: dict[int, list[int]] = {}
        for number, part in enumerate(parts):
            own.setdefault(part.passage, []).append(number)
        scores = [self._score([(read.scores[one], parts[one].weight) for one in own[place]]) for place in own]
        best = {place: max(numbers, key=lambda one: read.scores[one]) for place, numbers in own.items()}
        shown = own if self.options.combine == "key-sentences" else {place: [one] for place, one in best.items()}
        highlights = {
            place: tuple(_highlight(passages[place], parts[one], read.scores[one]) for one in numbers)
            for place, numbers in shown.items()
            if not parts[numbers[0]].whole
        }
        reasoning = {place: read.reasoning[one] for place, one in best.items() if one in read.reasoning}
        return replace(
            read,
            order=descending(scores),
            scores=scores,
            reasoning=reasoning,
            highlights=highlights,
            placed=frozenset(place for place, one in best.items() if one in read.placed),
            relevance=self.ranker.relevance(read.kind, scores),
            evidence={name: [found[one] for one in best.values()] for name, found in read.evidence.items()},
        )

    def _score(self, weighted: Sequence[tuple[float, float]]) -> float:
        if self.options.combine in ("max", "first-k"):
            return max(score for score, _ in weighted)
        return sum(score * weight for score, weight in weighted) / sum(weight for _, weight in weighted)


def _known(answer: object, text: str) -> Sequence[int]:
    """What the tokenizer says; where it failed, an estimate: what is wrong with the model shows when it is asked."""
    responses = () if isinstance(answer, SwaprankError) else getattr(answer, "responses", ())
    found = next((one for one in responses if isinstance(one, Tokenized)), None)
    return estimated_starts(text) if found is None else found.starts


def _passage(passage: Passage, part: _Part) -> Passage:
    """What is read of a passage; a stored embedding is of the whole of it."""
    if part.whole:
        return passage
    return replace(passage, text=passage.text[part.start : part.end], embedding=None)


def _highlight(passage: Passage, part: _Part, score: float) -> Highlight:
    return Highlight(part.start, part.end, passage.text[part.start : part.end], score)
