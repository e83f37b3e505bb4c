"""Ask every class that is installed, and write docs/conformance.md: make conformance [ARGS=--print].

No model is downloaded and no service is asked: models are tiny or follow a script, services run on this machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path

from swaprank.testing import compressor_findings, postprocessor_findings

from . import langchain_classes, llamaindex_classes
from .classes import Result, examined
from .page import page
from .service import rerank_service

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the page and write nothing")
    printed = parser.parse_args().print
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ.update(HF_HUB_OFFLINE="1", COHERE_API_KEY="none", CO_API_KEY="none", JINA_API_KEY="none")
    results: dict[str, list[Result]] = {}
    with rerank_service() as url:
        results["LlamaIndex"] = [examined(one, postprocessor_findings) for one in llamaindex_classes.classes(url)]
        results["LangChain"] = [examined(one, compressor_findings) for one in langchain_classes.classes(url)]
    text = page(results)
    if printed:
        sys.stdout.write(text)
        return
    if missing := [one.name for found in results.values() for one in found if one.absent]:
        raise SystemExit(f"Not installed: {', '.join(missing)}. `make conformance` installs them; nothing was written.")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
