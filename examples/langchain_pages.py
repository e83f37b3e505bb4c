"""LangChain documents whose images are reranked for a question in words.

python examples/langchain_pages.py "What does the project cost?" page-1.png page-2.png
"""

import sys
from collections.abc import Sequence

from langchain_core.documents import Document

from langchain_rerankers import Reranker


def main(question: str, pages: Sequence[str], reranker: object = "colqwen2-v1.0") -> list[str]:
    # What a retriever of yours brings; the key is one of image, image_base64, image_path and image_url.
    documents = [Document(page_content="", metadata={"image_path": page}) for page in pages]
    found = Reranker(reranker, top_n=3).compress_documents(documents, question)
    for document in found:
        print(f"{document.metadata['relevance_score']:+.2f} {document.metadata['image_path']}")
    return [document.metadata["image_path"] for document in found]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
