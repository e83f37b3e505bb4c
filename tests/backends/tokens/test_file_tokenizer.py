"""A tokenizer.json read without transformers gives the ids that transformers gives, in every way that a pair is read."""

from itertools import product

import pytest

from swaprank import BackendError
from swaprank.backends._tokens.file_tokenizer import FileTokenizer
from swaprank.backends._tokens.pairs import encode_pairs
from swaprank.backends._tokens.quoting import Quoting
from swaprank.backends._tokens.starts import TokenStarts
from swaprank.requests import PairScore, Tokenize
from tests.conftest import MODELS

TEXTS = [
    "",
    "green tea",
    "Grünes Café \u0634\u0627\u064a " * 20,
    "a [SEP] b [MASK] c </s> <mask>",
    "a \uff1c/s\uff1e b \ufe64/s\ufe65",
    "\U0001f375" * 30,
]
FOLDERS = ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"]


@pytest.fixture(params=FOLDERS)
def both(request):
    """A tokenizer of transformers, and ours of the same files."""
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(MODELS / request.param)
    return theirs, FileTokenizer(MODELS / request.param, "m", theirs.model_input_names)


@pytest.mark.torch
@pytest.mark.parametrize("parse", [False, True])
def test_pairs_are_read_alike(both, parse) -> None:
    pairs = [
        PairScore(query, passage, truncation=how, query_max_length=most, passage_max_length=most)
        for query, passage in product(TEXTS, TEXTS)
        for how, most in [("longest_first", None), ("passage", 5), ("sides", 7)]
    ]
    for limit in (None, 16, 64):
        theirs, ours = (
            encode_pairs(Quoting(tokenizer, "m", parse_control_tokens=parse), pairs, [limit] * len(pairs))
            for tokenizer in both
        )
        assert [pair.cut for pair in ours] == [pair.cut for pair in theirs]
        assert [dict(sorted(pair.inputs.items())) for pair in ours] == [
            dict(sorted(pair.inputs.items())) for pair in theirs
        ]


@pytest.mark.torch
def test_what_the_tokenizer_says_of_itself_is_the_same(both) -> None:
    theirs, ours = both
    assert set(ours.all_special_tokens) == set(theirs.all_special_tokens)
    for name in ("unk_token_id", "pad_token_id", "model_max_length", "is_fast"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert len(ours) == len(theirs)
    assert {key: token.content for key, token in ours.added_tokens_decoder.items()} == {
        key: token.content for key, token in theirs.added_tokens_decoder.items()
    }
    requests = [Tokenize(text) for text in TEXTS]
    assert TokenStarts(ours, "m").run(requests) == TokenStarts(theirs, "m").run(requests)


def test_a_limit_of_one_call_is_not_that_of_the_next() -> None:
    tokenizer = FileTokenizer(MODELS / FOLDERS[0], "m", ("input_ids",))
    whole = tokenizer("green tea is steamed")["input_ids"]
    assert tokenizer("green tea is steamed", truncation=True, max_length=4)["input_ids"] != whole
    assert tokenizer("green tea is steamed")["input_ids"] == whole
    assert list(tokenizer("green tea")) == ["input_ids"]


def test_a_folder_without_a_fast_tokenizer_says_so(tmp_path) -> None:
    with pytest.raises(BackendError, match=r"no tokenizer\.json.*save_pretrained"):
        FileTokenizer(tmp_path, "m", ("input_ids",))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BackendError, match="tokenizer of the model 'm' cannot be read"):
        FileTokenizer(tmp_path, "m", ("input_ids",))
