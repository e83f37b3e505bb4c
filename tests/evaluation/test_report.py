"""The report is one page that fetches nothing, shows what was measured, and takes every text as text."""

import json
import re
import shutil
import subprocess

import pytest

from swaprank import Passage, Reranker
from swaprank.cli.compare import joined
from swaprank.errors import InputError, MissingDependencyError
from swaprank.evaluation.comparing import Options, compare
from swaprank.evaluation.report.page import report, write_report
from swaprank.requests import Capability, Generated
from swaprank.runs.evaluation import Dataset
from swaprank.testing import ScriptedBackend

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


def pictures_and_parts() -> Dataset:
    Image = pytest.importorskip("PIL.Image")
    pages = [Passage("", id=f"page{n}", images=(Image.new("RGB", (1200, 900), (40 * n, 90, 120)),)) for n in range(3)]
    candidates = {"q": [*pages, Passage("tea leaves", id="text"), Passage("", id="broken", images=(b"no image",))]}
    return Dataset("pages", {"q": "Which tea, and when?"}, candidates, {"q": {"text": 1}})


def splitting() -> Reranker:
    llm = ScriptedBackend(lambda _: Generated("Which tea?\nWhen <b>?"), capabilities={Capability.TEXT})
    return Reranker({"decomposition": "original", "rerank": "bm25"}, backend=llm)


def test_images_are_shown_small_and_only_where_they_were_asked_for(caplog) -> None:
    data = pictures_and_parts()
    assert compare({}, data, Options(("RR@10",))).passages == {}
    shown = compare({}, data, Options(("RR@10",), images=True))
    [thumbnail] = shown.passages["page1"].images
    assert thumbnail.startswith("data:image/jpeg;base64,")
    assert len(thumbnail) < 20_000
    assert shown.passages["text"].text == ""
    assert shown.passages["broken"].images == []
    assert "No thumbnail" in caplog.text
    texts = compare({}, data, Options(("RR@10",), texts=True))
    both = joined([shown, texts]).passages
    assert (both["text"].text, len(both["page1"].images)) == ("tea leaves", 1)
    assert thumbnail in report(shown)


def test_what_was_found_for_sub_questions_is_kept() -> None:
    found = compare({"split": splitting()}, pictures_and_parts(), Options(("RR@10",)))
    inner = found.rows[1].queries["q"].inner
    assert [(one.query, one.stage) for one in inner] == [("Which tea?", "bm25"), ("When <b>?", "bm25")]
    assert inner[0].ranking[0] == "text"
    assert len(inner[0].scores) == len(inner[0].ranking)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_images_and_sub_questions(tmp_path) -> None:
    found = compare({"split": splitting()}, pictures_and_parts(), Options(("RR@10",), images=True))
    write_report(found, tmp_path / "report.html")
    body = browsed(tmp_path / "report.html").partition("<body>")[2].partition("<script")[0]
    assert 'alt="Image 1 of page1"' in body
    assert "<bdi>When &lt;b&gt;?</bdi> (bm25" in body


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_draws_it(found, tmp_path) -> None:
    file = tmp_path / "report.html"
    write_report(found, file, title="Tea & <coffee>")
    shown_page = browsed(file)
    assert 'data-ready="yes"' in shown_page
    assert "<title>Tea &amp; &lt;coffee&gt;</title>" in shown_page
    assert shown_page.count("main-svg") >= 4
    shown = shown_page.partition('<table id="passages">')[2].partition("</table>")[0]
    assert "q0-b" in shown_page
    assert "&lt;/script&gt;&lt;script&gt;" in shown
    assert "<img src=x" not in shown_page.partition("<body>")[2].partition("<script")[0]


def browsed(file) -> str:
    """The page as Chromium has drawn it."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom")
    command = [CHROMIUM, *options, f"--user-data-dir={file.parent / 'profile'}", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
