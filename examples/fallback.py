"""A reranker on a server that cannot be reached: another one takes over, and the result says so (fallback.yaml)."""

from pathlib import Path

from passages import PASSAGES, QUESTION

from swaprank import Reranker


def main() -> None:
    ranking = Reranker.from_config(Path(__file__).parent / "fallback.yaml").rerank(QUESTION, PASSAGES)
    for ranked in ranking.passages:
        print(f"{ranked.rank}. {ranked.score:+.2f} {ranked.passage.text}")
    for failure in ranking.failures:
        print(f"{failure.reranker} -> {failure.action}: {failure.error}")


if __name__ == "__main__":
    main()
