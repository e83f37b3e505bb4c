"""The core alone: passages in, a ranking out."""

from passages import PASSAGES, QUESTION

from swaprank import Passage, Reranker


def main() -> list[str]:
    reranker = Reranker("embedded", top_n=3)
    passages = [Passage(text, id=f"p{place}") for place, text in enumerate(PASSAGES)]
    ranking = reranker.rerank(QUESTION, passages)
    for ranked in ranking.passages:
        print(f"{ranked.rank}. {ranked.score:+.2f} ({ranking.score_kind}) {ranked.passage.id}: {ranked.passage.text}")
    return [ranked.passage.text for ranked in ranking.passages]


if __name__ == "__main__":
    main()
