"""The reranker as a step of an LCEL chain."""

from operator import itemgetter

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from passages import PASSAGES, QUESTION

from langchain_rerankers import Reranker


def main() -> str:
    retriever = RunnableLambda(lambda asked: [Document(page_content=text) for text in PASSAGES])
    chain = (
        RunnablePassthrough.assign(documents=itemgetter("query") | retriever)
        | Reranker(top_n=1).as_runnable()
        | RunnableLambda(lambda documents: documents[0].page_content)
    )
    answer = chain.invoke({"query": QUESTION})
    print(answer)
    return answer


if __name__ == "__main__":
    main()
