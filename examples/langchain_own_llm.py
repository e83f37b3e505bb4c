"""The chat model of your LangChain application as the reranker, asked concurrently for many queries."""

import asyncio

from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from passages import PASSAGES, QUESTION

from langchain_rerankers import Reranker

# Stands for your own chat model, and answers as one would.
YOUR_MODEL = FakeListChatModel(responses=["[4] > [6] > [2] > [5] > [1] > [3]"])


async def main() -> None:
    reranker = Reranker(method="rankgpt", llm=YOUR_MODEL, top_n=2, on_error="keep_order")
    documents = [Document(page_content=text) for text in PASSAGES]
    asked = [QUESTION, "What happens to the leaves of green tea?"]
    for found in await asyncio.gather(*(reranker.acompress_documents(documents, query) for query in asked)):
        for document in found:
            print(f"{document.metadata['relevance_score']:+.2f} {document.page_content}")


if __name__ == "__main__":
    asyncio.run(main())
