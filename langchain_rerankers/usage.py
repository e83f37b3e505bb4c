"""What a ranking took, where LangChain's users look for it: a custom event, and the metadata of the recorded run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langsmith.run_helpers import get_current_run_tree

from swaprank.adapters import Steps, step

# The custom event's name.
_EVENT = "rerank"


def report(usage: Mapping[str, Any]) -> Steps[None]:
    """Dispatch the usage to callbacks, and add it to the run that LangSmith's tracer records, if there is one."""
    run = get_current_run_tree()
    if run is not None:
        run.add_metadata(dict(usage))
    yield from step(dispatch_custom_event, adispatch_custom_event, _EVENT, dict(usage))
