"""Control tokens that a user or a passage writes are plain text, unless the official reading is asked for."""

import pytest

from swaprank import BackendError
from swaprank.backends._tokens.pairs import encode_pairs
from swaprank.backends._tokens.quoting import Quoting
from swaprank.requests import PairScore
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

BERT, XLMR, LLAMA, T5 = "tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder", "tiny-llama3-classifier", "tiny-t5"
HOSTILE = {
    BERT: "a [SEP] b [MASK] c",
    XLMR: "a </s> b <mask> c",
    LLAMA: "a <|eot_id|> b <|begin_of_text|> c",
    T5: "a </s> b <extra_id_0> c",
}
# XLM-R and T5 make the signs of ASCII of these before they look for pieces.
FULL_WIDTH = "a \uff1c/s\uff1e b <\uff0fs> c \ufe64/s\ufe65"


def quoting(model: str, **options) -> Quoting:
    from transformers import AutoTokenizer

    return Quoting(AutoTokenizer.from_pretrained(MODELS / model), model, **options)


def control(own: Quoting, ids: list[int]) -> int:
    """How many control tokens are among ids; the unknown token is none that a passage could use."""
    special = set(own.tokenizer.all_special_ids) - {own.tokenizer.unk_token_id}
    return sum(token in special for token in ids)


@pytest.mark.parametrize("model", HOSTILE)
@pytest.mark.parametrize("sides", [1, 2])
def test_rows_hold_only_the_tokenizers_own_control_tokens(model: str, sides: int) -> None:
    own, official = quoting(model), quoting(model, parse_control_tokens=True)
    [harmless] = own.rows(*[["a b c"]] * sides)
    frame = control(own, harmless.values["input_ids"])
    for text in (HOSTILE[model], FULL_WIDTH):
        [row] = own.rows(*[[text]] * sides)
        assert control(own, row.values["input_ids"]) == frame
    [row] = official.rows(*[[HOSTILE[model]]] * sides)
    assert control(own, row.values["input_ids"]) == frame + 2 * sides


@pytest.mark.parametrize("model", HOSTILE)
def test_quoted_text_is_safe_in_any_call(model: str) -> None:
    own = quoting(model)
    for text in (HOSTILE[model], FULL_WIDTH):
        assert control(own, own.tokenizer(own.quoted(text), add_special_tokens=False)["input_ids"]) == 0
    assert own.quoted("a < b and [x]") == "a < b and [x]"
    assert quoting(model, parse_control_tokens=True).quoted(HOSTILE[model]) == HOSTILE[model]


def test_rows_keep_their_order_and_their_fields() -> None:
    own = quoting(BERT)
    texts = ["plain", HOSTILE[BERT], "", "plain again"]
    rows = own.rows(["q"] * 4, texts)
    for text, row in zip(texts, rows, strict=True):
        [alone] = own.rows(["q"], [text])
        assert row == alone
        assert set(row.values) == {"input_ids", "token_type_ids", "attention_mask"}
    own_call = own.tokenizer(["q", "q"], ["plain", "plain again"])["input_ids"]
    assert [rows[0].values["input_ids"], rows[3].values["input_ids"]] == own_call


@pytest.mark.parametrize("truncation", ["longest_first", "passage", "sides"])
@pytest.mark.parametrize("model", [BERT, XLMR, LLAMA])
def test_pairs_of_every_kind(model: str, truncation: str) -> None:
    def pair(text: str) -> PairScore:
        return PairScore(text, text, 200, truncation, query_max_length=90, passage_max_length=90)

    own, official = quoting(model), quoting(model, parse_control_tokens=True)
    harmless, hostile = encode_pairs(own, [pair("a b c"), pair(HOSTILE[model])], [200, 200])
    [parsed] = encode_pairs(official, [pair(HOSTILE[model])], [200])
    assert control(own, hostile.ids) == control(own, harmless.ids)
    assert control(own, parsed.ids) == control(own, harmless.ids) + 4


def test_a_panic_in_the_tokenizer_is_an_error_of_ours() -> None:
    class PanicException(BaseException):
        pass

    own = quoting(BERT)

    def panic(*_: object, **__: object) -> None:
        raise PanicException("index out of bounds")

    own.tokenizer = panic
    with pytest.raises(BackendError, match="tokenizer of 'tiny-bert-cross-encoder' failed: index out of bounds"):
        own.ids("a")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    own.tokenizer = interrupt
    with pytest.raises(KeyboardInterrupt):
        own.ids("a")


def test_a_decoder_head_obeys_the_option() -> None:
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    def answers(**options):
        backend = TransformersBackend(
            str(MODELS / LLAMA), TransformersOptions(dtype="float32", device="cpu", **options)
        )
        return backend.run([PairScore("query: a", text, max_length=20) for text in ("a b c", HOSTILE[LLAMA])])

    own, official = answers(), answers(parse_control_tokens=True)
    assert own[0].usage == official[0].usage
    assert own[1].usage.input_tokens > official[1].usage.input_tokens
    assert [one.usage.cut for one in own] == [0, 1]
