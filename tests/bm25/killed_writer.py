"""Run as a script: writes an index again and again, and is killed before each step that touches a file.

Prints a JSON line for each time: whether it was killed, which ids a reader then finds, which ids the next writer
writes, and what is then left in the folder.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from swaprank import BM25Index, Passage

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "shutil.rmtree"}


def kill_before(step: int, folder: str) -> None:
    """Have this process killed before it touches the folder for the `step`-th time, counting from 0."""
    steps = count()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in STEPS and any(folder in str(argument) for argument in arguments) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def kill_beyond(size: int) -> None:
    """Have this process killed in the middle of a file: when it writes more than so many bytes of one."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def kills(folder: str) -> Iterator[Callable[[], None]]:
    yield from (partial(kill_beyond, size) for size in (1, 50, 130, 150))
    yield from (partial(kill_before, step, folder) for step in count())


def documents(first: int, count: int) -> list[Passage]:
    return [Passage(f"word{number} tea", id=f"d{number}") for number in range(first, first + count)]


def write(how: str, index: Path) -> None:
    if how == "update":
        BM25Index.load(index).update(documents(20, 2), remove=["d0"])
    else:
        BM25Index.build(documents(10, 2), index)


def read(index: Path) -> list[str] | None:
    """The ids that a reader finds; None where there is no index."""
    if not (index / "swaprank.json").exists():
        return None
    found = BM25Index.load(index)
    for id_ in found.ids:
        [(first, _), *_] = found.search(id_.replace("d", "word"))
        assert first == id_
    return found.ids


def main(how: str, index: Path) -> None:
    os.fsync = lambda descriptor: None  # what a process has written survives its death without it
    for kill in kills(str(index)):
        shutil.rmtree(index, ignore_errors=True)
        if how != "first build":
            BM25Index.build(documents(0, 3), index)
        child = os.fork()
        if not child:
            kill()
            write(how, index)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        after = read(index)
        rebuilt = BM25Index.build(documents(0, 3), index).ids
        left = sorted(path.name.partition("-")[0] for path in index.iterdir())
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"killed": killed, "after": after, "rebuilt": rebuilt, "left": left}))
        if not killed:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
