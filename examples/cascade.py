"""A cascade from cascade.yaml: a cheap stage, a more expensive one, then a fusion of both."""

from pathlib import Path

from passages import PASSAGES, QUESTION

from swaprank import Reranker


def main() -> list[str]:
    ranking = Reranker.from_config(Path(__file__).parent / "cascade.yaml").rerank(QUESTION, PASSAGES)
    for ranked in ranking.passages:
        print(f"{ranked.rank}. {ranked.score:+.2f} {ranked.passage.text}")
    for call in ranking.calls:
        print(f"{call.method}: {call.requests} requests, {1000 * call.seconds:.1f} ms")
    return [ranked.passage.text for ranked in ranking.passages]


if __name__ == "__main__":
    main()
