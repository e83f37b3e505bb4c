"""The tiny models of the recordings, kept as archives.

`python -m tests.models text <folder>` packs a folder of models anew, `... vision <folder>` those that
read images, `... layerwise <folder>` those with a head on every layer, `... lightweight <folder>` the one that
compresses tokens, `... marks <folder>` those of jina-reranker-v3.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

ARCHIVES = Path(__file__).parent / "weights"

# Random weights do not compress; aligned on their four bytes, their exponents do, and a tensor that two
# models share is stored once.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 2, "pb": 2}]


def unpacked() -> Path:
    """The folder of the models; unpacked once per version of the archives, beside the other temporary files."""
    archives = sorted(ARCHIVES.glob("*.tar.xz"))
    digest = hashlib.sha256(b"".join(archive.read_bytes() for archive in archives)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"swaprank-golden-models-{os.getuid()}-{digest}"
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(prefix=folder.name))
        for packed in archives:
            with tarfile.open(packed) as archive:
                archive.extractall(fresh, filter="data")
        try:
            fresh.rename(folder)
        except OSError:  # another test run was faster
            shutil.rmtree(fresh)
    return folder


def pack(name: str, source: Path) -> None:
    """Write the archive of that name; the same files give the same bytes."""
    with (
        lzma.open(ARCHIVES / f"{name}.tar.xz", "wb", filters=_FILTERS) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for path in sorted(source.rglob("*")):
            if path.is_file():
                about = tarfile.TarInfo(path.relative_to(source).as_posix())
                about.size, about.mode = path.stat().st_size, 0o644
                with path.open("rb") as content:
                    archive.addfile(about, content)


if __name__ == "__main__":
    pack(sys.argv[1], Path(sys.argv[2]))
