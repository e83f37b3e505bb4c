"""Every kind of request, answered by vLLM and by transformers with the same weights."""

import json
import shutil

import pytest

from swaprank import ConfigError
from swaprank.errors import PromptTooLongError
from swaprank.prompt import Slot, Span, user
from swaprank.requests import Embed, Generate, LabelLogprobs, PairScore, SequenceLogprob
from tests.real_vllm.conftest import transformers, vllm
from tests.real_vllm.widened import sentence_model, widened

LOGPROB = 1e-4
TEXTS = [
    "The harbour project costs money.",
    "",
    "It was approved in 2021, as the committee says. " * 9,
    "Ships<|im_end|>\n<|eot_id|></s>[SEP] yes",
]


def prompts():
    chats = [
        user("Query: ", Slot("What does it cost?"), "\nPassage: ", Slot(text, shrinks=True), "\n?") for text in TEXTS
    ]
    plain = [("Passage: ", Slot(text, shrinks=True, max_tokens=30), " Relevant:") for text in TEXTS]
    return [*chats, *plain, *(Span((("Passage: ", Slot(text)),), max_tokens=20, shrinks=True) for text in TEXTS)]


@pytest.fixture(scope="module", params=["tiny-llama3-lm", "tiny-qwen3-lm", "tiny-mistral-sp-lm"])
def language(request):
    """The same language model in both backends, and its prompts."""
    model = widened(request.param)
    asked = prompts() if request.param != "tiny-mistral-sp-lm" else prompts()[len(TEXTS) :]
    return vllm(model), transformers(model), asked


class TestLanguage:
    """Prompts, cuts, labels and endings are the same; numbers differ by rounding."""

    def test_labels(self, language) -> None:
        ours, theirs, asked = language
        requests = [
            LabelLogprobs(prompt, ("yes", "no", " the", "1"), max_length=length)
            for prompt in asked
            for length in (None, 60)
        ]
        requests += [LabelLogprobs(prompt, ("A", "B", "C"), spellings=True) for prompt in asked]
        for one, other in zip(ours.run(requests), theirs.run(requests), strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.usage == other.usage

    def test_more_labels_than_vllm_tells_at_once(self, language) -> None:
        ours, theirs, asked = language
        request = LabelLogprobs(
            asked[0], tuple(map(chr, range(33, 127))) + tuple(f" {letter}" for letter in map(chr, range(65, 123)))
        )
        [one], [other] = ours.run([request]), theirs.run([request])
        assert len(one.logprobs) > 128
        assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)

    def test_sequences(self, language) -> None:
        ours, theirs, asked = language
        requests = [SequenceLogprob(prompt, after) for prompt in asked for after in ("high cost of harbours", "?")]
        for one, other in zip(ours.run(requests), theirs.run(requests), strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.usage == other.usage

    def test_generation(self, language) -> None:
        ours, theirs, asked = language
        requests = [Generate(prompt, 24, watch=(" the", " a")) for prompt in asked]
        free = theirs.run(requests)
        stops = [answer.text[5:8] for answer in free]
        # Half a character is no stop string: vLLM waits for its other half.
        requests += [
            Generate(prompt, 24, stop=(stop, "\n\n\n"))
            for prompt, stop in zip(asked, stops, strict=True)
            if stop and "\ufffd" not in stop
        ]
        expected = theirs.run(requests)
        assert {answer.ending for answer in expected} >= {"stop", "length"}
        for one, other in zip(ours.run(requests), expected, strict=True):
            assert (one.text, one.tokens, one.ending, one.usage) == (
                other.text,
                other.tokens,
                other.ending,
                other.usage,
            )
            assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
            assert one.watched == pytest.approx(other.watched, abs=LOGPROB)

    def test_a_seed_repeats(self, language) -> None:
        ours, _, asked = language
        seeded = Generate(asked[0], 12, temperature=1.5, seed=3)
        [one, alike, other] = ours.run(
            [
                seeded,
                Generate(asked[0], 12, temperature=1.5, seed=3, stop=("@@@",)),
                Generate(asked[0], 12, temperature=1.5, seed=4),
            ]
        )
        assert one.text == alike.text != other.text

    def test_a_prompt_too_long_fails_alone(self, language) -> None:
        ours, _, _ = language
        long, short = ours.run([LabelLogprobs("word " * 20000, ("yes",)), LabelLogprobs("word", ("yes",))])
        assert isinstance(long, PromptTooLongError)
        assert short.logprobs[0] < 0


def test_the_model_ends_its_answer_where_its_configs_say(tmp_path) -> None:
    """The token that is written fourth is made an end by the generation config."""
    source = widened("tiny-llama3-lm")
    free = transformers(source).run([Generate("The harbour", 8)])[0]
    token = transformers(source)._batcher.model.runner("language").tokens.continuation(free.tokens[3])[0]
    model = shutil.copytree(source, tmp_path / "model")
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [token]}))
    request = Generate("The harbour", 8, watch=(" the",))
    ours, theirs = vllm(str(model)), transformers(str(model))
    [one], [other] = ours.run([request]), theirs.run([request])
    assert other.ending == "end"
    assert (one.text, one.ending, one.tokens) == (other.text, other.ending, other.tokens)
    assert one.watched == pytest.approx(other.watched, abs=LOGPROB)


def test_an_adapter(tmp_path) -> None:
    peft = pytest.importorskip("peft")
    import torch
    from transformers import AutoModelForCausalLM

    base = widened("tiny-llama3-lm")
    torch.manual_seed(5)
    config = peft.LoraConfig(
        r=4, lora_alpha=16, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False
    )
    peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(tmp_path / "adapter")
    request = LabelLogprobs(prompts()[0], ("yes", "no"))
    [plain] = vllm(base).run([request])
    [theirs] = transformers(base, adapters=(str(tmp_path / "adapter"),)).run([request])
    [ours] = vllm(base, adapters=(str(tmp_path / "adapter"),)).run([request])
    assert ours.logprobs == pytest.approx(theirs.logprobs, abs=LOGPROB)
    assert ours.logprobs != pytest.approx(plain.logprobs, abs=1e-2)
    adapter = vllm(str(tmp_path / "adapter"))
    assert adapter.run([request])[0].logprobs == pytest.approx(theirs.logprobs, abs=LOGPROB)


@pytest.mark.parametrize(
    "name",
    ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder", "tiny-llama3-classifier", "tiny-llama3-pair-classifier"],
)
def test_pairs(name) -> None:
    model = widened(name)
    requests = [PairScore(query, text) for text in TEXTS for query in ("What does the harbour cost?", "", "Who? " * 40)]
    for request in [*requests]:
        requests += [PairScore(request.query, request.passage, max_length=24)]
        requests += [PairScore(request.query, request.passage, 40, "passage", query_max_length=12)]
        requests += [
            PairScore(request.query, request.passage, None, "sides", query_max_length=9, passage_max_length=14)
        ]
    for one, other in zip(vllm(model).run(requests), transformers(model).run(requests), strict=True):
        assert one.logit == pytest.approx(other.logit, abs=LOGPROB)
        assert one.activated == pytest.approx(other.activated, abs=LOGPROB)
        assert (one.activation, one.usage) == (other.activation, other.usage)


def test_an_encoder_refuses_a_limit_beyond_its_positions() -> None:
    with pytest.raises(ConfigError, match="reads at most 512 tokens"):
        vllm(widened("tiny-xlmr-cross-encoder")).run([PairScore("a", "b", max_length=514)])


def test_a_model_without_a_head_scores_no_pairs() -> None:
    with pytest.raises(ConfigError, match="no classification head"):
        vllm(widened("tiny-qwen3-lm")).run([PairScore("a", "b")])


@pytest.mark.parametrize(("pooling", "normalized"), [("lasttoken", True), ("mean_tokens", False)])
def test_embeddings(pooling, normalized) -> None:
    pytest.importorskip("sentence_transformers")
    model = sentence_model(pooling, normalized)
    requests = [Embed(text, role) for text in TEXTS if text for role in ("query", "passage")]
    requests += [Embed(TEXTS[2], "query", prompt="search: ", max_length=length) for length in (None, 16)]
    for one, other in zip(vllm(model).run(requests), transformers(model).run(requests), strict=True):
        assert list(one.vector) == pytest.approx(list(other.vector), abs=LOGPROB)
        assert (one.coverage, one.usage) == (other.coverage, other.usage)


def test_the_embedding_of_no_token_is_zero() -> None:
    nothing, something = vllm(sentence_model("mean_tokens", False)).run([Embed("", "passage"), Embed("a", "passage")])
    assert len(nothing.vector) == len(something.vector)
    assert not any(nothing.vector)


def test_a_bare_chat_model_embeds_nothing() -> None:
    """sentence-transformers wraps the texts of such a model into turns of a chat."""
    with pytest.raises(ConfigError, match=r"no modules.json.*backend: transformers"):
        vllm(widened("tiny-qwen3-embedding")).run([Embed("a", "query")])


def test_modules_beyond_vllm_are_refused(tmp_path) -> None:
    model = shutil.copytree(widened("tiny-qwen3-embedding"), tmp_path / "dense")
    (model / "modules.json").write_text(
        json.dumps(
            [
                {"type": f"sentence_transformers.models.{kind}", "path": kind}
                for kind in ("Transformer", "Pooling", "Dense")
            ]
        )
    )
    with pytest.raises(ConfigError, match=r"Transformer, Pooling, Dense.*backend: transformers"):
        vllm(str(model)).run([Embed("a", "query")])
