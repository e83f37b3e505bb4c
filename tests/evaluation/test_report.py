"""The report is one page that fetches nothing, shows what was measured, and takes every text as text."""

import json
import re
import shutil
import subprocess

import pytest

from swaprank import Passage, Reranker
from swaprank.errors import InputError, MissingDependencyError
from swaprank.evaluation.comparing import Options, compare
from swaprank.evaluation.report.page import report, write_report
from swaprank.runs.evaluation import Dataset

pytest.importorskip("plotly")
HOSTILE = '</script><script>document.title="taken"</script><!--<img src=x onerror=alert(1)>'
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def found():
    queries = {f"q{number}": f"word{number} {HOSTILE}" for number in range(6)}
    candidates = {
        query: [Passage("other", id="a", score=2.0), Passage(f"{text} here", id=f"{query}-b", score=1.0)]
        for query, text in queries.items()
    }
    dataset = Dataset(HOSTILE, queries, candidates, {query: {f"{query}-b": 1} for query in queries}, "secret/path")
    rerankers = {"bm25": Reranker("bm25"), f"lexical {HOSTILE}": Reranker("lexical")}
    return compare(rerankers, dataset, Options(("nDCG@10", "RR@10"), texts=True))


@pytest.fixture(scope="module")
def page(found) -> str:
    return report(found)


def test_the_page_holds_the_result_and_ends_no_element_early(page, found) -> None:
    [held] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    data = json.loads(held)
    assert data["rows"][1]["measures"] == found.rows[1].measures
    assert data["passages"]["q0-b"]["text"].endswith(f"{HOSTILE} here")
    assert [row["name"] for row in data["rows"]] == [row.name for row in found.rows]
    assert "<!--<img" not in page
    assert f"<title>Rerankers on {HOSTILE}" not in page


def test_it_shows_no_config_and_no_path(page) -> None:
    assert "secret/path" not in page
    assert '"config"' not in page.partition('id="data">')[2].partition("</script>")[0]


def test_nothing_is_fetched(page) -> None:
    own = page.partition("<script>")[0]
    assert "default-src 'none'" in own
    assert not re.search(r"""(src|href)=["'](?!#)""", own)
    assert "@import" not in own
    assert "url(" not in own


def test_every_control_has_a_label_and_every_chart_its_figures_in_a_table(page) -> None:
    body = page.partition("<body>")[2].partition("<script")[0]
    for control in re.findall(r'<select id="(\w+)"', body):
        assert re.search(rf'<label>[^<]+<select id="{control}"', body)
    assert body.count('class="chart"') == body.count('role="img" aria-label=') == 4
    assert body.count("<table id=") == 2


def test_without_plotly_the_extra_is_named(found, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly", None)
    with pytest.raises(MissingDependencyError, match=r"swaprank\[report\]"):
        report(found)


def test_a_file_that_cannot_be_written_is_told(found, tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_report(found, tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_draws_it(found, tmp_path) -> None:
    file = tmp_path / "report.html"
    write_report(found, file, title="Tea & <coffee>")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom")
    done = subprocess.run(
        [CHROMIUM, *options, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert 'data-ready="yes"' in done.stdout
    assert "<title>Tea &amp; &lt;coffee&gt;</title>" in done.stdout
    assert done.stdout.count("main-svg") >= 4
    shown = done.stdout.partition('<table id="passages">')[2].partition("</table>")[0]
    assert "q0-b" in done.stdout
    assert "&lt;/script&gt;&lt;script&gt;" in shown
    assert "<img src=x" not in done.stdout.partition("<body>")[2].partition("<script")[0]
