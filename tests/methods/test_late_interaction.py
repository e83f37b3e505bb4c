"""Parity of late interaction with PyLate and colbert-ai; formats, markers, skip lists."""

import json
import logging
import shutil

import numpy as np
import pytest

from swaprank import ConfigError, Passage, Query, Reranker, ScoreKind
from swaprank.requests import EmbedTokens, TokenEmbeddings
from swaprank.scores.late_interaction import max_sim
from swaprank.testing import ScriptedBackend, check_backend, check_reranker
from tests.conftest import MODELS, golden, inputs

pytest.importorskip("transformers")

RECORDED = golden("colbert")
INPUTS = inputs()
# colbert-ai's names of the same options.
NAMES = {"query_maxlen": "query_length", "doc_maxlen": "document_length"}
CASES = [case for case in RECORDED["cases"] if case["variant"] in ("pylate", "colbert-ai")]
PYLATE, STANFORD = MODELS / "tiny-colbert-pylate", MODELS / "tiny-colbert-stanford"


def reranker(model, **options) -> Reranker:
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu", **options.pop("backend", {})}
    method = {"method": "late-interaction", "model": str(model), "backend": backend, "empty_passages": "score"}
    return Reranker({**method, **options})


def case_id(case) -> str:
    return f"{case['input']}-{case['variant']}-{case['model']}-{case['parameters']}"


def rerank(case, **options):
    given = INPUTS[case["input"]]
    own = {NAMES.get(name, name): value for name, value in case["parameters"].items()}
    ranker = reranker(MODELS / case["model"], **own, **options)
    return ranker.rerank(given["query"], [document["text"] for document in given["documents"]])


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_scores(case) -> None:
    ranking = rerank(case)
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    for ours, theirs in zip(ranking.order, case["order"], strict=True):
        assert case["scores"][ours] == pytest.approx(case["scores"][theirs], abs=5e-5)
    assert ranking.score_kind is ScoreKind.DOT


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_tokens(case) -> None:
    """What is read, and what counts of it."""
    given = INPUTS[case["input"]]
    own = {NAMES.get(name, name): value for name, value in case["parameters"].items()}
    ranker = reranker(MODELS / case["model"], **own)
    method, backend = ranker._stage.ranker.method, ranker._stage.ranker.backend
    shown = [Passage(document["text"]) for document in given["documents"]]
    query, *passages = next(method.steps(Query(given["query"]), shown))
    [answer] = backend.run([query])
    assert list(answer.ids) == case["prompts"]["query_ids"]
    for request, recorded in zip(passages, case["prompts"]["documents"], strict=True):
        [answer] = backend.run([request])
        assert len(answer.vectors) == recorded["kept"]
        count = recorded["ids"]["count"] if isinstance(recorded["ids"], dict) else len(recorded["ids"])
        assert answer.usage.input_tokens == count


@pytest.mark.parametrize("case", RECORDED["padding_cases"], ids=lambda case: case["what"])
def test_no_padding_takes_part(case) -> None:
    """PyLate's rerank gives a short passage a zero for what is less than nothing."""
    documents = [np.array(document) for document in case["documents"]]
    assert max_sim(np.array(case["query"]), documents) == pytest.approx(case["maxsim_without_padding"])


def test_a_passage_without_tokens_is_last_and_finite() -> None:
    query = np.array([[0.6, 0.8], [1.0, 0.0]])
    scores = max_sim(query, [np.zeros((0, 2)), np.array([[-1.0, 0.0]]), np.zeros((0, 2)), np.array([[0.0, 1.0]])])
    assert scores == pytest.approx([-2.0, -1.6, -2.0, 0.8])
    assert max_sim(query, [np.zeros((0, 2))]) == [-2.0]


def test_equal_passages_tie_exactly_wherever_they_stand() -> None:
    random = np.random.default_rng(0)
    same, *others, query = (random.normal(size=(size, 96)).astype(np.float32) for size in (7, 13, 41, 30, 5, 8, 32))
    scores = max_sim(query, [passage for other in others for passage in (same, other)])
    assert len(set(scores[::2])) == 1


def test_any_backend_with_token_vectors_serves() -> None:
    def answer(request: EmbedTokens) -> TokenEmbeddings:
        table = np.array([[1.0, 0.0], [0.0, 1.0]])
        rows = [int(letter == "b") for letter in request.text]
        return TokenEmbeddings(rows, table, rows)

    ranking = Reranker({"method": "late-interaction", "model": "m"}, backend=ScriptedBackend(answer)).rerank(
        "ab", ["aa", "ba", "b"]
    )
    assert ranking.scores == [1.0, 2.0, 1.0]
    assert ranking.order == [1, 0, 2]


@pytest.mark.torch
def test_promises_on_a_real_encoder() -> None:
    check_reranker(Reranker({"method": "late-interaction", "model": str(PYLATE), "backend": {"device": "cpu"}}))


@pytest.mark.torch
def test_a_text_has_the_same_vectors_in_any_batch() -> None:
    sizes = (1, 90, 3, 0, 170)
    asked = [EmbedTokens("green tea", "query"), *(EmbedTokens("word " * size, "passage") for size in sizes)]
    check_backend(reranker(PYLATE)._stage.ranker.backend, asked)


@pytest.mark.torch
def test_both_formats_of_the_same_weights_agree(tmp_path) -> None:
    """A colbert-ai folder turned into PyLate's: the same tensors in other files."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(STANFORD, tmp_path, dirs_exist_ok=True)
    tensors = load_file(STANFORD / "model.safetensors")
    (tmp_path / "1_Dense").mkdir()
    save_file({"linear.weight": tensors.pop("linear.weight")}, tmp_path / "1_Dense" / "model.safetensors")
    bare = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    save_file(bare, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "artifact.metadata").unlink()
    dense = {"in_features": 64, "out_features": 128, "bias": False}
    (tmp_path / "1_Dense" / "config.json").write_text(json.dumps(dense))
    modules = [{"path": "", "type": "x.Transformer"}, {"path": "1_Dense", "type": "pylate.models.Dense.Dense"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    own = {"query_prefix": "[unused0]", "document_prefix": "[unused1]", "document_length": 220}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(own))
    texts = ["green tea, black tea!", "coffee"]
    assert reranker(tmp_path).rerank("tea?", texts).scores == pytest.approx(
        reranker(STANFORD).rerank("tea?", texts).scores, abs=1e-5
    )


@pytest.mark.torch
def test_a_layer_with_bias_activation_and_residual(tmp_path) -> None:
    """Computed by hand from the network's own output."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModel

    shutil.copytree(PYLATE, tmp_path, dirs_exist_ok=True)
    torch.manual_seed(0)
    layer = {name: torch.randn(size) for name, size in
             (("linear.weight", (8, 64)), ("linear.bias", (8,)), ("residual.weight", (8, 64)))}  # fmt: skip
    save_file(layer, tmp_path / "1_Dense" / "model.safetensors")
    config = {"activation_function": "torch.nn.modules.activation.GELU", "use_residual": True}
    (tmp_path / "1_Dense" / "config.json").write_text(json.dumps(config))
    backend = reranker(tmp_path)._stage.ranker.backend
    [answer] = backend.run([EmbedTokens("tea", "passage")])
    ids = torch.tensor([list(answer.ids)])
    states = AutoModel.from_pretrained(PYLATE)(ids).last_hidden_state[0]
    through = torch.nn.functional.gelu(states @ layer["linear.weight"].T + layer["linear.bias"])
    expected = torch.nn.functional.normalize(through + states @ layer["residual.weight"].T, dim=-1)
    np.testing.assert_allclose(answer.vectors, expected.detach().numpy(), atol=1e-5)
    config["activation_function"] = "my.Own"
    (tmp_path / "1_Dense" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"activation 'my.Own'"):
        reranker(tmp_path, backend={"batch_tokens": 99}).rerank("q", ["a"])


@pytest.mark.torch
def test_what_is_cut_is_counted() -> None:
    ranking = reranker(PYLATE, query_length=8, document_length=12).rerank("tea " * 20, ["short", "long " * 50])
    [call] = ranking.calls
    assert call.cut == 2
    assert call.input_tokens == 8 + 12 + len(["[CLS]", "[D]"]) + _pieces("short") + 1


def _pieces(text: str) -> int:
    from transformers import AutoTokenizer

    return len(AutoTokenizer.from_pretrained(PYLATE)(text, add_special_tokens=False)["input_ids"])


@pytest.mark.torch
def test_what_is_no_late_interaction_model_says_so() -> None:
    with pytest.raises(ConfigError, match="no projection of token vectors"):
        reranker(MODELS / "tiny-bert-cross-encoder").rerank("q", ["a"])


@pytest.mark.torch
def test_lengths_beyond_the_models_positions_are_refused() -> None:
    with pytest.raises(ConfigError, match="reads at most 512"):
        reranker(PYLATE, document_length=600).rerank("q", ["a"])


@pytest.mark.torch
def test_markers_may_be_chosen_among_the_vocabulary() -> None:
    texts = ["green tea", "coffee"]
    own = reranker(STANFORD).rerank("tea", texts)
    spelled = reranker(STANFORD, query_prefix="[unused0]", document_prefix="[unused1]").rerank("tea", texts)
    swapped = reranker(STANFORD, query_prefix="[unused1]").rerank("tea", texts)
    assert spelled.scores == own.scores
    assert swapped.scores != own.scores
    with pytest.raises(ConfigError, match=r"marker '\[nothing\]' is not a token"):
        reranker(STANFORD, query_prefix="[nothing]").rerank("q", ["a"])


@pytest.mark.torch
class TestXlmR:
    """A SentencePiece vocabulary under a projection: where official skip lists go wrong."""

    @pytest.fixture
    def folder(self, tmp_path):
        import torch
        from safetensors.torch import load_file, save_file

        folder = tmp_path / "xlmr"
        shutil.copytree(MODELS / "tiny-xlmr-cross-encoder", folder, dirs_exist_ok=True)
        tensors = load_file(folder / "model.safetensors")
        hidden = json.loads((folder / "config.json").read_text())["hidden_size"]
        torch.manual_seed(0)
        tensors["linear.weight"] = torch.randn(16, hidden)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "artifact.metadata").write_text(json.dumps({"query_token_id": "<s>", "doc_token_id": "</s>"}))
        return folder

    def test_unknown_tokens_are_kept_and_marks_are_not(self, folder) -> None:
        backend = reranker(folder)._stage.ranker.backend
        tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(folder)
        text = "tea! 🚢 \U00010e60 tea , ."
        [whole] = backend.run([EmbedTokens(text, "passage", skip=())])
        [answer] = backend.run([EmbedTokens(text, "passage")])
        assert tokenizer.unk_token_id in whole.ids
        dropped = set(whole.ids) - set(answer.ids)
        assert {tokenizer.decode([token]).strip() for token in dropped} <= {"!", ",", "."}
        assert tokenizer.unk_token_id in answer.ids
        assert dropped

    def test_a_marker_that_the_vocabulary_lacks_is_unknown_as_in_training(self, folder) -> None:
        (folder / "artifact.metadata").unlink()
        tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(folder)
        [answer] = reranker(folder)._stage.ranker.backend.run([EmbedTokens("tea", "query")])
        assert answer.ids[1] == tokenizer.unk_token_id
        assert len(answer.ids) == 32
        end = list(answer.ids).index(tokenizer.sep_token_id)
        assert set(answer.ids[end + 1 :]) == {tokenizer.mask_token_id}


@pytest.mark.torch
@pytest.mark.parametrize(("surplus", "reported"), [(None, False), ("surplus.weight", True)])
def test_only_tensors_that_nobody_reads_are_reported(surplus, reported, tmp_path) -> None:
    """The projection lies beside the network's own tensors, which transformers calls unexpected."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(STANFORD, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    extra = {} if surplus is None else {surplus: tensors["linear.weight"].clone()}
    save_file({**tensors, **extra}, folder / "model.safetensors", metadata={"format": "pt"})
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("transformers").addHandler(handler)
    try:
        reranker(folder).rerank("tea", ["green tea"])
    finally:
        logging.getLogger("transformers").removeHandler(handler)
    assert [surplus for message in logged if "surplus.weight" in message] == [surplus] * reported
    assert bool([message for message in logged if "LOAD REPORT" in message]) is reported
