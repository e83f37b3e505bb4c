"""Run as a script in several processes at once: ``write`` documents of one's own, or ``read`` until told to stop.

The document ``d7`` is the only one that holds ``word7``, so that any other id found for it is wrong.
"""

import os
import sys
from pathlib import Path

from swaprank import BM25Index, Passage

ROUNDS = 10


def own(writer: int, number: int) -> str:
    return f"{writer}x{number}"


def write(index: Path, writer: int) -> None:
    """Add documents and drop half of them again, through an object that goes stale with every other writer."""
    stale = BM25Index.load(index)
    for number in range(ROUNDS):
        added = [Passage(f"word{own(writer, one)} tea", id=f"d{own(writer, one)}") for one in (number, number + 500)]
        stale.update(added, remove=[f"d{own(writer, number - 1 + 500)}", "base0"] if number else [])


def read(index: Path, stop: Path) -> None:
    opened = [BM25Index.load(index)]
    searches = wrong = 0
    while not stop.exists():
        opened = [*opened[-3:], BM25Index.load(index)]
        for one in opened:
            for id_ in one.ids[:: max(1, len(one) // 5)]:
                found = one.search(id_.replace("d", "word", 1))
                wrong += not found or found[0][0] != id_
                searches += 1
    print(searches, wrong)


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # nobody cuts the power, and the test is to be fast
    _, role, folder, last = sys.argv
    if role == "write":
        write(Path(folder), int(last))
    else:
        read(Path(folder), Path(last))
