"""Adapters on encoders: added up in order, told apart by format, refused where they do not fit."""

import json

import numpy as np
import pytest

from swaprank import BackendError, ConfigError
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Embed, EmbedTokens, PairScore
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")

BERT, COLBERT = MODELS / "tiny-bert-cross-encoder", MODELS / "tiny-colbert-pylate"
PAIR = PairScore("which tea?", "green tea", max_length=64)
QUERY = "bert.encoder.layer.0.attention.self.query"


def backend(model, *adapters, **options):
    names = tuple(str(adapter) for adapter in adapters)
    return TransformersBackend(
        str(model), TransformersOptions(device="cpu", dtype="float32", adapters=names, **options)
    )


def lora(folder, network, seed, *, modules=("query", "value"), task=None, **config):
    """A LoRA adapter with random weights, saved; the name of its folder."""
    torch.manual_seed(seed)
    own = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=list(modules), task_type=task, init_lora_weights=False, **config
    )
    peft.get_peft_model(network, own).save_pretrained(folder)
    return folder


def headed():
    return transformers.AutoModelForSequenceClassification.from_pretrained(BERT)


def bare(model=COLBERT):
    return transformers.AutoModel.from_pretrained(model)


def delta(folder, prefix=""):
    """What a LoRA adapter adds to each weight, computed by hand: alpha/r times B times A."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "adapter_model.safetensors")
    added = {}
    for name, down in tensors.items():
        if name.endswith(".lora_A.weight"):
            up = tensors[name.replace("lora_A", "lora_B")]
            key = name.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
            added[prefix + key] = 2.0 * up @ down
    assert added
    return added


def logit(network) -> float:
    """The cross-encoder's logit for the pair, by transformers alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(BERT)
    with torch.inference_mode():
        return float(network.eval()(**tokenizer(PAIR.query, PAIR.passage, return_tensors="pt")).logits)


def add(network, *differences):
    with torch.no_grad():
        for difference in differences:
            for name, value in difference.items():
                network.get_parameter(name).add_(value)
    return network


def test_two_on_a_cross_encoder_are_the_sum_of_both(tmp_path) -> None:
    one = lora(tmp_path / "one", headed(), 1)
    two = lora(tmp_path / "two", headed(), 2, modules=("query", "dense"))
    expected = logit(add(headed(), delta(one), delta(two)))
    [scored] = backend(BERT, one, two).run([PAIR])
    [plain] = backend(BERT).run([PAIR])
    assert scored.logit == pytest.approx(expected, abs=1e-5)
    assert abs(scored.logit - plain.logit) > 1e-3


def test_a_head_trained_with_the_adapter_replaces_the_models(tmp_path) -> None:
    """A language adapter without a head, then a ranking adapter with its own: the cross-lingual recipe."""
    network = headed()
    language = lora(tmp_path / "language", network.bert, 3)
    network = headed()
    torch.nn.init.normal_(network.classifier.weight)
    ranking = lora(tmp_path / "ranking", network, 4, task="SEQ_CLS")
    saved = {name: value.clone() for name, value in network.named_parameters() if "modules_to_save" in name}
    assert saved
    by_hand = add(headed(), delta(language, "bert."), delta(ranking))
    with torch.no_grad():
        for name, value in saved.items():
            by_hand.classifier.get_parameter(name.rpartition(".")[2]).copy_(value)
    [scored] = backend(BERT, language, ranking).run([PAIR])
    assert scored.logit == pytest.approx(logit(by_hand), abs=1e-5)


def token_vectors(network, ids):
    from safetensors.torch import load_file

    with torch.inference_mode():
        states = network.eval()(torch.tensor([ids])).last_hidden_state[0]
    projected = states @ load_file(COLBERT / "1_Dense" / "model.safetensors")["linear.weight"].T
    return torch.nn.functional.normalize(projected, dim=-1).numpy()


def test_two_on_a_late_interaction_model_are_the_sum_of_both(tmp_path) -> None:
    """The second was trained with a head, which the encoder of tokens does not have."""
    one = lora(tmp_path / "one", bare(), 5)
    config = transformers.AutoConfig.from_pretrained(COLBERT)
    two = lora(tmp_path / "two", transformers.BertForSequenceClassification(config), 6, task="SEQ_CLS")
    second = {name.removeprefix("bert."): value for name, value in delta(two).items()}
    [answer] = backend(COLBERT, one, two).run([EmbedTokens("green tea", "passage", skip=())])
    expected = token_vectors(add(bare(), delta(one), second), list(answer.ids))
    np.testing.assert_allclose(answer.vectors, expected, atol=1e-5)
    [plain] = backend(COLBERT).run([EmbedTokens("green tea", "passage", skip=())])
    assert np.abs(plain.vectors - answer.vectors).max() > 1e-3


def test_on_a_bi_encoder(tmp_path) -> None:
    one = lora(tmp_path / "one", bare(BERT), 7)
    [changed] = backend(BERT, one).run([Embed("green tea", "query")])
    [plain] = backend(BERT).run([Embed("green tea", "query")])
    merged = add(bare(BERT), delta(one))
    merged.save_pretrained(tmp_path / "merged")
    transformers.AutoTokenizer.from_pretrained(BERT).save_pretrained(tmp_path / "merged")
    [by_hand] = backend(tmp_path / "merged").run([Embed("green tea", "query")])
    np.testing.assert_allclose(changed.vector, by_hand.vector, atol=1e-5)
    assert np.abs(np.asarray(changed.vector) - plain.vector).max() > 1e-3


def sparse(folder, *, head=None, names=("diffs", "abs")):
    """A sparse fine-tuning as composable-sft publishes it: three changed places of one matrix, counted down columns."""
    folder.mkdir()
    steps, values = [np.int64(1), 64, 130], torch.tensor([0.5, -2.0, 3.0])
    body = {f"{QUERY}.weight": {"size": [64, 64], "index_steps": steps, "values": values}}
    torch.save({names[0]: body, **({names[1]: head} if head else {})}, folder / "pytorch_diff.bin")
    difference = torch.zeros(64, 64)
    # Places 1, 65 and 195: rows first.
    difference[1, 0], difference[1, 1], difference[3, 3] = 0.5, -2.0, 3.0
    return folder, {f"{QUERY}.weight": difference}


@pytest.mark.parametrize("names", [("diffs", "abs"), ("body", "head")])
def test_a_sparse_fine_tuning_and_an_adapter(tmp_path, names) -> None:
    mask, difference = sparse(tmp_path / "mask", head={"classifier.bias": torch.tensor([7.0])}, names=names)
    one = lora(tmp_path / "one", headed(), 8)
    by_hand = add(headed(), difference, delta(one))
    with torch.no_grad():
        by_hand.classifier.bias.fill_(7.0)
    [scored] = backend(BERT, mask, one).run([PAIR])
    assert scored.logit == pytest.approx(logit(by_hand), abs=1e-5)


def test_a_sparse_fine_tuning_on_a_network_without_its_head(tmp_path) -> None:
    mask, difference = sparse(tmp_path / "mask", head={"cls.bias": torch.tensor([7.0])})
    [answer] = backend(COLBERT, mask).run([EmbedTokens("green tea", "passage", skip=())])
    own = {name.removeprefix("bert."): value for name, value in difference.items()}
    np.testing.assert_allclose(answer.vectors, token_vectors(add(bare(), own), list(answer.ids)), atol=1e-5)


class TestRefused:
    """Nothing is put on silently in part, or not at all."""

    def test_an_adapter_of_another_network(self, tmp_path) -> None:
        config = transformers.AutoConfig.from_pretrained(BERT)
        config.num_hidden_layers += 1
        deeper = lora(tmp_path / "deeper", transformers.BertForSequenceClassification(config), 1)
        with pytest.raises(ConfigError, match=r"does not fit: 4 of its tensors.*layer\.3"):
            backend(BERT, deeper).run([PAIR])
        wider = lora(tmp_path / "wider", transformers.BertModel(transformers.BertConfig(hidden_size=96)), 1)
        with pytest.raises((ConfigError, BackendError), match="wider"):
            backend(BERT, wider).run([PAIR])

    def test_adapterhub(self, tmp_path) -> None:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"config": {"mh_adapter": False}, "name": "ar"}))
        with pytest.raises(ConfigError, match=r"format of AdapterHub.*cannot be merged.*LoRA"):
            backend(BERT, tmp_path).run([PAIR])

    def test_soft_prompts(self, tmp_path) -> None:
        prompts = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2, num_layers=3, token_dim=64)
        prompts.num_attention_heads = 4
        peft.get_peft_model(headed(), prompts).save_pretrained(tmp_path)
        with pytest.raises(ConfigError, match="PROMPT_TUNING, which cannot be merged"):
            backend(BERT, tmp_path).run([PAIR])

    def test_a_folder_without_an_adapter(self, tmp_path) -> None:
        with pytest.raises(ConfigError, match=r"neither an adapter_config.json nor a pytorch_diff.bin"):
            backend(COLBERT, tmp_path).run([EmbedTokens("a", "query")])

    def test_a_sparse_fine_tuning_of_another_network(self, tmp_path) -> None:
        tmp_path.joinpath("x").mkdir()
        body = {"bert.encoder.layer.9.weight": {"size": [1], "index_steps": [0], "values": [1.0]}}
        torch.save({"body": body}, tmp_path / "x" / "pytorch_diff.bin")
        with pytest.raises(ConfigError, match=r"has no bert.encoder.layer.9"):
            backend(BERT, tmp_path / "x").run([PAIR])

    def test_code_in_a_sparse_fine_tuning(self, tmp_path) -> None:
        """The file is a pickle: nothing but numbers is read from it."""

        class Evil:
            def __reduce__(self):
                return (print, ("owned",))

        torch.save({"body": {"x": Evil()}}, tmp_path / "pytorch_diff.bin")
        with pytest.raises(BackendError, match="cannot be loaded"):
            backend(BERT, tmp_path).run([PAIR])


class TestLanguages:
    """X-MOD: a language adapter in every layer, one of which is chosen."""

    @pytest.fixture
    def xmod(self, tmp_path):
        from safetensors.torch import load_file, save_file

        vocabulary = transformers.AutoTokenizer.from_pretrained(MODELS / "tiny-xlmr-cross-encoder")
        torch.manual_seed(0)
        config = transformers.XmodConfig(
            vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=130, languages=["en_XX", "ar_AR"],
            default_language="en_XX", pad_token_id=vocabulary.pad_token_id,
        )  # fmt: skip
        network = transformers.XmodForSequenceClassification(config)
        network.config.num_labels = 1
        network = transformers.XmodForSequenceClassification(network.config)
        network.apply(
            lambda module: isinstance(module, torch.nn.Linear) and torch.nn.init.normal_(module.weight, 0, 0.2)
        )
        network.save_pretrained(tmp_path)
        vocabulary.save_pretrained(tmp_path)
        tensors = load_file(tmp_path / "model.safetensors")
        tensors["linear.weight"] = torch.randn(16, 32)
        save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
        return tmp_path

    def test_the_language_chooses_the_adapter(self, xmod) -> None:
        request = EmbedTokens("green tea", "passage")
        own, english, arabic = (
            backend(xmod, language=language).run([request])[0].vectors for language in (None, "en_XX", "ar_AR")
        )
        np.testing.assert_array_equal(own, english)
        assert np.abs(english - arabic).max() > 1e-3

    def test_for_cross_encoders_too(self, xmod) -> None:
        english, arabic = (backend(xmod, language=one).run([PAIR])[0].logit for one in ("en_XX", "ar_AR"))
        assert abs(english - arabic) > 1e-4

    def test_a_language_it_does_not_have(self, xmod) -> None:
        with pytest.raises(ConfigError, match=r"no language adapter 'fr_XX'.*en_XX, ar_AR"):
            backend(xmod, language="fr_XX").run([EmbedTokens("a", "query")])

    def test_no_language_and_no_default(self, xmod) -> None:
        file = xmod / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "default_language": None}))
        with pytest.raises(ConfigError, match=r"Set backend: \{language"):
            backend(xmod).run([EmbedTokens("a", "query")])

    @pytest.mark.parametrize("request_", [PAIR, EmbedTokens("a", "query"), Embed("a", "query")], ids=type)
    def test_a_model_without_languages(self, request_) -> None:
        model = COLBERT if isinstance(request_, EmbedTokens) else BERT
        with pytest.raises(ConfigError, match="has no language adapters, and language is 'ar_AR'"):
            backend(model, language="ar_AR").run([request_])
