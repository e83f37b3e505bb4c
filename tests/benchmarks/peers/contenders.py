"""Each contender as a user would call it: one query and its passages, or many of them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .models import FLASHRANK_SAME, FLASHRANK_TINY

Ask = tuple[str, Sequence[str]]
Score = Callable[[str, Sequence[str]], list[float]]


@dataclass(frozen=True, slots=True)
class Contender:
    """A loaded reranker.

    Attributes:
        score: The scores of passages under a query, in their order.
        many: The same for many queries, in the way the library has for it; None for one after another.
        logits: Whether scores are logits; otherwise they are probabilities.
    """

    score: Score
    many: Callable[[Sequence[Ask]], list[list[float]]] | None = None
    logits: bool = False

    def probabilities(self, query: str, passages: Sequence[str]) -> list[float]:
        """The scores between 0 and 1, so that contenders can be compared."""
        scores = self.score(query, passages)
        return [1 / (1 + math.exp(-score)) for score in scores] if self.logits else scores


def swaprank(folder: Path, config: dict[str, Any] | None = None, **backend: Any) -> Contender:
    types: Any = importlib.import_module("swaprank")
    base = {"method": "cross-encoder", "model": str(folder / "torch"), "backend": {"type": "transformers", **backend}}
    reranker = types.Reranker({**base, **(config or {})})

    def many(asks: Sequence[Ask]) -> list[list[float]]:
        rankings = reranker.rerank_many([query for query, _ in asks], [list(texts) for _, texts in asks])
        return [list(ranking.scores) for ranking in rankings]

    return Contender(lambda query, texts: list(reranker.rerank(query, list(texts)).scores), many)


def embedded(folder: Path) -> Contender:
    reranker = importlib.import_module("swaprank").Reranker()
    return Contender(lambda query, texts: list(reranker.rerank(query, list(texts)).scores))


def sentence_transformers(
    folder: Path, name: str = "torch", batch: int = 32, dtype: str | None = None, **options: Any
) -> Contender:
    library: Any = importlib.import_module("sentence_transformers")
    if dtype:
        options["model_kwargs"] = {"dtype": dtype}
    model = library.CrossEncoder(str(folder / name), **options)

    def score(query: str, passages: Sequence[str]) -> list[float]:
        pairs = [(query, passage) for passage in passages]
        return [float(one) for one in model.predict(pairs, batch_size=batch, show_progress_bar=False)]

    def many(asks: Sequence[Ask]) -> list[list[float]]:
        pairs = [(query, passage) for query, passages in asks for passage in passages]
        scores = iter(model.predict(pairs, batch_size=batch, show_progress_bar=False).tolist())
        return [[next(scores) for _ in passages] for _, passages in asks]

    return Contender(score, many)


def rerankers(folder: Path) -> Contender:
    model: Any = importlib.import_module("rerankers").Reranker(
        str(folder / "torch"), model_type="cross-encoder", device="cpu", verbose=0
    )

    def score(query: str, passages: Sequence[str]) -> list[float]:
        found = {one.doc_id: float(one.score) for one in model.rank(query, list(passages)).results}
        return [found[place] for place in range(len(passages))]

    return Contender(score, logits=True)


def flashrank(folder: Path, name: str = FLASHRANK_SAME) -> Contender:
    library: Any = importlib.import_module("flashrank")
    model = library.Ranker(model_name=name, cache_dir=str(folder / "flashrank"), max_length=512, log_level="ERROR")

    def score(query: str, passages: Sequence[str]) -> list[float]:
        given = [{"id": place, "text": text} for place, text in enumerate(passages)]
        found = {one["id"]: float(one["score"]) for one in model.rerank(library.RerankRequest(query, given))}
        return [found[place] for place in range(len(passages))]

    return Contender(score)


def flag_embedding(folder: Path) -> Contender:
    model: Any = importlib.import_module("FlagEmbedding").FlagReranker(
        str(folder / "torch"), use_fp16=False, devices="cpu", max_length=512
    )

    def score(query: str, passages: Sequence[str]) -> list[float]:
        return [float(one) for one in model.compute_score([(query, passage) for passage in passages])]

    return Contender(score, logits=True)


def fastembed(folder: Path) -> Contender:
    library: Any = importlib.import_module("fastembed.rerank.cross_encoder")
    described: Any = importlib.import_module("fastembed.common.model_description")
    library.TextCrossEncoder.add_custom_model(
        model="local/minilm", model_file="model.onnx", sources=described.ModelSource(hf="local/minilm")
    )
    model = library.TextCrossEncoder("local/minilm", specific_model_path=str(folder / "torch-onnx"))
    return Contender(lambda query, texts: [float(one) for one in model.rerank(query, list(texts))], logits=True)


def llama_index(folder: Path) -> Contender:
    library: Any = importlib.import_module("llama_index.core.postprocessor")
    schema: Any = importlib.import_module("llama_index.core.schema")
    model = library.SentenceTransformerRerank(model=str(folder / "torch"), top_n=1_000_000, device="cpu")

    def score(query: str, passages: Sequence[str]) -> list[float]:
        nodes = [
            schema.NodeWithScore(node=schema.TextNode(text=text, id_=str(place)), score=0.0)
            for place, text in enumerate(passages)
        ]
        found = {node.node_id: float(node.score) for node in model.postprocess_nodes(nodes, query_str=query)}
        return [found[str(place)] for place in range(len(passages))]

    return Contender(score)


def langchain(folder: Path) -> Contender:
    classic: Any = importlib.import_module("langchain_classic.retrievers.document_compressors")
    community: Any = importlib.import_module("langchain_community.cross_encoders")
    documents: Any = importlib.import_module("langchain_core.documents")
    encoder = community.HuggingFaceCrossEncoder(model_name=str(folder / "torch"), model_kwargs={"device": "cpu"})
    kept: list[list[float]] = []

    class Kept(community.HuggingFaceCrossEncoder):  # type: ignore[misc]
        """The compressor drops its scores; this keeps them."""

        def score(self, text_pairs: Any) -> Any:
            found = encoder.score(text_pairs)
            kept.append([float(one) for one in found])
            return found

    model = classic.CrossEncoderReranker(model=Kept.model_construct(client=encoder.client), top_n=1_000_000)

    def score(query: str, passages: Sequence[str]) -> list[float]:
        kept.clear()
        model.compress_documents([documents.Document(page_content=text) for text in passages], query)
        return kept[-1]

    return Contender(score)


DEFAULT = "swaprank, default"
REFERENCE = "sentence-transformers, default"
# The same weights in all of them.
CONTENDERS: dict[str, Callable[[Path], Contender]] = {
    DEFAULT: swaprank,
    "swaprank, float32": lambda folder: swaprank(folder, dtype="float32"),
    REFERENCE: sentence_transformers,
    "sentence-transformers, batch 8": lambda folder: sentence_transformers(folder, batch=8),
    "sentence-transformers, bfloat16": lambda folder: sentence_transformers(folder, dtype="bfloat16"),
    "sentence-transformers, ONNX": lambda folder: sentence_transformers(folder, "torch-onnx", backend="onnx"),
    "sentence-transformers, OpenVINO": lambda folder: sentence_transformers(folder, "openvino", backend="openvino"),
    "rerankers": rerankers,
    "LlamaIndex SentenceTransformerRerank": llama_index,
    "LangChain CrossEncoderReranker": langchain,
    "FlagEmbedding": flag_embedding,
    "fastembed": fastembed,
    "FlashRank": flashrank,
}
# Others, for single rows.
EXTRAS: dict[str, Callable[[Path], Contender]] = {
    "swaprank, embedded default": embedded,
    "FlashRank, TinyBERT size": lambda folder: flashrank(folder, FLASHRANK_TINY),
    "swaprank, cache": lambda folder: swaprank(folder, {"cache": {"type": "memory"}}),
    "swaprank, budget 0.3 s": lambda folder: swaprank(folder, {"budget": {"seconds": 0.3}}),
}
# Probabilities may differ by so much; the 16-bit contenders are the ones that a name says, or a default may be.
SIXTEEN_BIT = (DEFAULT, "sentence-transformers, bfloat16", "sentence-transformers, OpenVINO")
APART, APART_16 = 1e-4, 0.06
