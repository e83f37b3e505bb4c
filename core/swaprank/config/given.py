"""What people give in place of a config, and what they mean."""

from __future__ import annotations

from ..errors import ConfigError
from ..masking import shown

# Classes of LlamaIndex, LangChain and sentence-transformers, by what stands in their line of classes.
_MEANT = (
    (
        ("BaseRetriever", "VectorStoreRetriever"),
        "a retriever",
        "The reranker comes after it: as a node postprocessor of the query engine (LlamaIndex), or as the compressor "
        "of a RerankingRetriever or ContextualCompressionRetriever (LangChain).",
    ),
    (
        ("BaseLLM", "BaseLanguageModel", "LLM", "BaseChatModel"),
        "an LLM",
        "Give it by keyword, with a method that asks one: Reranker(method='rankgpt', llm=...), in "
        "llamaindex_rerankers or langchain_rerankers.",
    ),
    (
        ("BaseEmbedding", "Embeddings", "SentenceTransformer"),
        "an embedding model",
        "Name its model: Reranker(method='bi-encoder', model='<hub id or folder>').",
    ),
    (
        ("CrossEncoder", "PreTrainedModel"),
        "a loaded model",
        "Name it: Reranker('<hub id or folder>').",
    ),
    (
        ("VectorStore", "BaseIndex", "BasePydanticVectorStore"),
        "a store of passages",
        "The reranker comes after its retriever, and is made of a recipe, a model or a config.",
    ),
)


def wrong_source(source: object) -> ConfigError:
    """The error for something that is neither a name, a path nor a mapping."""
    line = {kind.__name__ for kind in type(source).__mro__}
    for names, what, hint in _MEANT:
        if line & set(names):
            return ConfigError(f"The first argument is {what}: {type(source).__name__}.", hint=hint)
    if isinstance(source, list | tuple):
        return ConfigError(
            f"The first argument is a {type(source).__name__} of {len(source)}.",
            hint="Passages go to the call: Reranker().rerank(query, passages). Rerankers in a row go under 'stages': "
            "Reranker(stages=[...]).",
        )
    return ConfigError(
        f"The config is {shown(source)}.",
        hint="Give the name of a recipe or a model, the path of a file or folder, or a mapping.",
    )
