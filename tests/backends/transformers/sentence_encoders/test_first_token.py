"""Parity of Margin-MSE students (BERT_Cat) with their authors' class, from the layout that they publish."""

import json
import re
import shutil

import pytest

from swaprank import BackendError, ConfigError, Reranker, ScoreKind
from tests.conftest import MODELS, golden, inputs

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")

RECORDED = golden("bert-cat")
INPUTS = inputs()
BERT = MODELS / "tiny-bert-cross-encoder"
# DistilBERT's names of BERT's tensors.
NAMES = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}


def published(folder, base: str, **changed) -> str:
    """The tiny cross-encoder as a student of that kind: its tensors under the published names, and a base beside it."""
    from safetensors.torch import load_file

    origin, student = folder / "base", folder / "student"
    origin.mkdir()
    student.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BERT / file, origin / file)
    own = json.loads((BERT / "config.json").read_text())
    tensors = load_file(BERT / "model.safetensors")
    if base == "distilbert":
        sizes = {"dim": 64, "hidden_dim": 128, "n_layers": 3, "n_heads": 4, "vocab_size": 2000, "pad_token_id": 0}
        own = {"model_type": "distilbert", "activation": "gelu", "max_position_embeddings": 512, **sizes}
        tokenizer = json.loads((origin / "tokenizer_config.json").read_text())
        tokenizer["model_input_names"] = ["input_ids", "attention_mask"]
        (origin / "tokenizer_config.json").chmod(0o644)
        (origin / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        layers = r"^bert\.encoder\.layer\.(\d)\.(.+)\.(weight|bias)$"
        kept = {name: tensor for name, tensor in tensors.items() if "token_type" not in name and "pooler" not in name}
        tensors = {
            re.sub(
                layers, lambda found: f"bert.transformer.layer.{found[1]}.{NAMES[found[2]]}.{found[3]}", name
            ): tensor
            for name, tensor in kept.items()
        }
    (origin / "config.json").write_text(json.dumps(own))
    renamed = {
        re.sub(r"^classifier\.", "_classification_layer.", re.sub(r"^bert\.", "bert_model.", name)): tensor
        for name, tensor in tensors.items()
    }
    torch.save(renamed, student / "pytorch_model.bin")
    config = {"architectures": ["BERT_Cat"], "model_type": "BERT_Cat", "bert_model": str(origin), "trainable": True}
    (student / "config.json").write_text(json.dumps({**config, **changed}))
    return str(student)


@pytest.fixture(scope="module", params=["distilbert", "bert"])
def student(request, tmp_path_factory) -> tuple[str, str]:
    return request.param, published(tmp_path_factory.mktemp("student"), request.param)


def config(model: str, **options):
    backend = {"type": "transformers", "dtype": "float32", "device": "cpu", **options.pop("backend", {})}
    return {"method": "cross-encoder", "model": model, "backend": backend, "empty_passages": "score", **options}


@pytest.mark.parametrize("attention", [None, "eager"], ids=["fast", "own"])
@pytest.mark.parametrize("name", ["arabic", "edison", "happy"])
def test_scores_and_order(student, name, attention) -> None:
    """By our forward pass, and by transformers' own."""
    base, model = student
    [case] = [case for case in RECORDED["cases"] if (case["input"], case["base"]) == (name, base)]
    given = INPUTS[name]
    options = {} if attention is None else {"backend": {"attn_implementation": attention}}
    reranker = Reranker(config(model, **options))
    ranking = reranker.rerank(given["query"], [document["text"] for document in given["documents"]])
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-4)
    assert ranking.order == case["order"]
    assert ranking.score_kind is ScoreKind.LOGIT


def test_the_fast_pass_runs(student) -> None:
    from swaprank.backends.transformers.options import TransformersOptions
    from swaprank.backends.transformers.sentence_encoders.load import student_encoder

    assert student_encoder(student[1], TransformersOptions(device="cpu", dtype="float32"))._fast is not None


def test_the_model_alone_says_what_it_is(student) -> None:
    named = Reranker(student[1], backend={"dtype": "float32", "device": "cpu"})
    assert named.rerank("q", ["p"]).scores == Reranker(config(student[1])).rerank("q", ["p"]).scores


def test_a_base_beside_the_student_is_found(tmp_path) -> None:
    model = published(tmp_path, "distilbert", bert_model="base")
    assert len(Reranker(config(model)).rerank("q", ["p", "a longer passage"]).scores) == 2


def test_a_student_without_a_base_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="does not say which model it was tuned from"):
        Reranker(config(published(tmp_path, "distilbert", bert_model=None))).rerank("q", ["p"])


def test_a_base_that_is_nowhere_is_named(tmp_path) -> None:
    with pytest.raises(BackendError, match="absent/base"):
        Reranker(config(published(tmp_path, "distilbert", bert_model="absent/base"))).rerank("q", ["p"])


def test_a_student_without_its_head_is_refused(tmp_path) -> None:
    model = published(tmp_path, "distilbert")
    path = tmp_path / "student" / "pytorch_model.bin"
    tensors = torch.load(path, weights_only=True)
    torch.save({name: tensor for name, tensor in tensors.items() if "_classification" not in name}, path)
    with pytest.raises(ConfigError, match="no trained weights for classifier"):
        Reranker(config(model)).rerank("q", ["p"])
