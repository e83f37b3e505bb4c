"""What cannot fit a model is cut before it is tokenised, and what is left has the same first tokens."""

import pytest

from swaprank.backends._tokens.cutting import beginning
from swaprank.backends._tokens.pairs import encode_pairs
from swaprank.backends._tokens.quoting import Quoting
from swaprank.backends._tokens.tokens import Tokens
from swaprank.errors import PromptTooLongError
from swaprank.prompt import Prompt, Slot, Span, plain, user
from swaprank.requests import LabelLogprobs, PairScore
from tests.conftest import MODELS

MODEL_NAMES = ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder", "tiny-llama3-classifier", "tiny-mistral-sp-lm"]
ENGLISH = "The harbour project was approved in 2021, as the committee says; it costs a lot. "
ARABIC = "الذكاء الاصطناعي يساهم في تحسين الإنتاجية في الصناعات المختلفة. "
LONG = {"english": ENGLISH * 150, "arabic": ARABIC * 150, "one word": "aé漢" * 3000, "blanks": "a     \n" * 3000}


class Watched:
    """A tokenizer that remembers the most characters it was given at once."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer
        self.most = 0

    def __call__(self, *texts, **options):
        for side in texts:
            self.most = max(self.most, *map(len, [side] if isinstance(side, str) else side))
        return self.tokenizer(*texts, **options)

    def __getattr__(self, name: str):
        return getattr(self.tokenizer, name)


def watched(model: str) -> Watched:
    transformers = pytest.importorskip("transformers")
    return Watched(transformers.AutoTokenizer.from_pretrained(MODELS / model))


def test_texts_that_may_fit_stay_whole() -> None:
    assert beginning("a" * 4000, 512, len) == "a" * 4000
    assert beginning("", 0, len) == ""


def test_the_beginning_grows_until_it_has_tokens_enough() -> None:
    def words(text: str) -> int:
        return len(text.split())

    text = " " * 20_000 + "a b " * 10_000
    assert words(beginning(text, 100, words)) >= 100
    assert len(beginning(text, 100, words)) < len(text)


def test_a_text_of_nothing_is_not_read_to_its_end() -> None:
    assert len(beginning(" " * 10_000_000, 512, lambda text: 0)) == 1_000_000


@pytest.mark.torch
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("model", MODEL_NAMES)
def test_the_first_tokens_are_those_of_the_whole_text(model: str, text: str) -> None:
    own = Quoting(watched(model), model)
    for limit in (1, 400):
        assert own.ids(own.beginning(text, limit))[:limit] == own.ids(text)[:limit]


@pytest.mark.torch
@pytest.mark.parametrize("truncation", ["longest_first", "passage", "sides"])
@pytest.mark.parametrize("model", MODEL_NAMES[:3])
def test_pairs_are_those_of_the_whole_texts_and_cost_no_more(model: str, truncation: str) -> None:
    tokenizer = watched(model)
    own = Quoting(tokenizer, model)
    texts = [ENGLISH, ENGLISH * 150]

    def pairs() -> list[PairScore]:
        return [
            PairScore(query, passage, 100, truncation, query_max_length=70, passage_max_length=60)
            for query in texts
            for passage in texts
        ]

    cut = encode_pairs(own, pairs(), [100] * 4)
    assert tokenizer.most < 10_000
    own.beginning = lambda text, limit: text  # type: ignore[method-assign]
    assert [pair.ids for pair in cut] == [pair.ids for pair in encode_pairs(own, pairs(), [100] * 4)]
    assert all(pair.cut for pair in cut[1:])
    short = PairScore("a", "b", 100, truncation, query_max_length=70, passage_max_length=60)
    assert not encode_pairs(own, [short], [100])[0].cut


def prompts(text: str) -> dict[str, Prompt]:
    """A long passage in every form of prompt."""
    slot = Slot(text, shrinks=True)
    return {
        "text": ("Query: q\nPassage: ", slot, "\nRelevant?"),
        "chat": user("Query: q\nPassage: ", slot, "\nRelevant?"),
        "span": Span(("Query: q\n", Span((("Passage: ", Slot(text)),), shrinks=True), "\nRelevant?"), max_tokens=90),
        "own limit": ("Query: q\nPassage: ", Slot(text, max_tokens=60), "\nRelevant?"),
    }


@pytest.mark.torch
@pytest.mark.parametrize("form", prompts(""))
def test_prompts_are_those_of_the_whole_texts_and_cost_no_more(form: str) -> None:
    tokenizer = watched("tiny-llama3-lm")
    tokens = Tokens(tokenizer, "tiny-llama3-lm")
    text = ENGLISH * 1500
    cut = tokens.encode(prompts(text)[form], 120)
    assert len(cut.ids) <= 120
    assert tokenizer.most < 10_000
    # Of a text this long nothing is cut before it is tokenised, because it may fit.
    assert tokens.encode(prompts(ENGLISH * 70)[form], 120).ids == cut.ids
    assert cut.cut == 1


@pytest.mark.torch
def test_a_question_too_long_is_refused_before_it_is_tokenised() -> None:
    tokenizer = watched("tiny-llama3-lm")
    with pytest.raises(PromptTooLongError, match="is too long"):
        Tokens(tokenizer, "tiny-llama3-lm").encode(("Query: ", Slot(ENGLISH * 1500)), 120)
    assert tokenizer.most < 10_000


@pytest.mark.torch
@pytest.mark.parametrize("most", [None, 9])
def test_no_letter_is_lost_that_the_vocabulary_lacks(most: int | None) -> None:
    tokens = Tokens(watched("tiny-t5"), "tiny-t5")
    text = "\u6f22\u5b57 The harbour \u6f22\u5b57 was approved in 2021, as the committee says"
    limit = None if most else 8
    shown, _ = tokens.fitted((Slot(text, max_tokens=limit, shrinks=True),), most)
    kept = plain(shown)
    assert text.startswith(kept)
    assert len(kept) > 6
    assert tokens.continuation(kept) == tokens.continuation(text)[:8]


@pytest.mark.torch
def test_a_cut_to_the_context_goes_through_no_letter() -> None:
    tokens = Tokens(watched("tiny-llama3-lm"), "tiny-llama3-lm")
    for most in range(3, 20):
        shown, encoded = tokens.fitted((Slot(ARABIC, shrinks=True),), most)
        assert ARABIC.startswith(plain(shown))
        assert len(encoded.ids) <= most


@pytest.mark.torch
def test_both_kinds_of_cuts_are_counted_once() -> None:
    tokens = Tokens(watched("tiny-t5"), "tiny-t5")
    long, short = ENGLISH * 4, "The harbour"

    def cut(*prompt: str | Slot, limit: int | None = None) -> int:
        return tokens.encode(prompt, limit).cut

    assert cut(Slot(long, max_tokens=20), Slot(short, max_tokens=20)) == 1
    assert cut(Slot(long, max_tokens=20, shrinks=True), Slot(long, shrinks=True), limit=30) == 2
    assert cut(Slot(short, max_tokens=20, reread=True), Slot(long, max_tokens=20, reread=True)) == 1
    assert cut(Slot(long, max_tokens=500, minus=short), Slot(short, max_tokens=9, minus=long)) == 1


@pytest.mark.torch
def test_a_model_without_an_end_reads_no_more_than_its_memory_allows() -> None:
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    backend = TransformersBackend(str(MODELS / "tiny-t5"), TransformersOptions(dtype="float32", device="cpu"))
    rendering = backend._batcher.model.runner("language")._rendering
    assert rendering.fitted(LabelLogprobs(("a ", Slot(ENGLISH * 3000, shrinks=True)), ("true",))).cut == 1
