"""The LLM of your LlamaIndex application as the reranker: no second model, no second key."""

from llama_index.core.llms import MockLLM
from llama_index.core.schema import NodeWithScore, TextNode
from passages import PASSAGES, QUESTION

from llamaindex_rerankers import Reranker


class YourLLM(MockLLM):
    """Stands for your own LLM, and answers as one would."""

    def chat(self, messages, **kwargs):
        """Whatever is asked, the same order."""
        answer = super().chat(messages, **kwargs)
        answer.message.content = "[4] > [6] > [2] > [5] > [1] > [3]"
        return answer


def main() -> None:
    # Without llm= it is the one in Settings.llm.
    reranker = Reranker(method="rankgpt", llm=YourLLM(), top_n=2, on_error="keep_order")
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in PASSAGES]
    for node in reranker.postprocess_nodes(nodes, query_str=QUESTION):
        print(f"{node.score:+.2f} {node.node.get_content()}")


if __name__ == "__main__":
    main()
