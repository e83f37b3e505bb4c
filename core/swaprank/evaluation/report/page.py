"""The page: a template, its style and script, the chart library and the result, all in one file.

The charts are Plotly's (MIT), whose script its pip package carries, so that nothing is fetched, neither here nor by the
page. Its content security policy forbids connections; texts of the data are only ever set as text.
"""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from ...errors import InputError, require
from ..result import Evaluation


def write_report(found: Evaluation, path: Path, *, title: str = "") -> None:
    """Write a page about a result.

    Args:
        found: The result. With texts (``swaprank eval --texts``) the page shows passages.
        path: The file, which is overwritten.
        title: The heading; empty for the name of the data.

    Raises:
        InputError: The file cannot be written.
        MissingDependencyError: Plotly is not installed.
    """
    text = report(found, title=title)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def report(found: Evaluation, *, title: str = "") -> str:
    """The page as a text; see `write_report`."""
    require("plotly", extra="report", purpose="A report")
    plotly = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return Template(_file("report.html")).substitute(
        title=html.escape(title or f"Rerankers on {found.dataset.name}"),
        style=_file("report.css"),
        data=_in_script(_shown(found)),
        plotly=plotly,
        script=_file("report.js"),
    )


def _file(name: str) -> str:
    return (resources.files(__package__ or "") / name).read_text(encoding="utf-8")


def _shown(found: Evaluation) -> dict[str, Any]:
    """The result without what the page does not show: configs, and sources, which may be paths of a machine."""
    whole = found.model_dump(mode="json", exclude={"rows": {"__all__": {"config"}}, "dataset": {"source"}})
    return dict(whole)


def _in_script(value: Any) -> str:
    """JSON that no text in it can end early: a script element ends at ``</``, and a comment begins with ``<!--``."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
