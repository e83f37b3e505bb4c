"""What the README and the pages say is so: configs build, code compiles and imports, options, links and commands exist."""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest
import yaml
from llama_index.core.llms import MockLLM
from typer.main import get_command
from typer.testing import CliRunner

from llamaindex_rerankers import HybridFusion
from llamaindex_rerankers import Reranker as LlamaIndexReranker
from swaprank import Reranker
from swaprank.cli.app import app
from swaprank.config import registry
from swaprank.config.recipe import all_recipes, get

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCS = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, also where a list indents them; test_contributing.py has those that name a file."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    plain = [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]
    return [block for block in plain if not re.match(r"# \S+/\S+\.(py|yaml)\n", block)]


def everywhere(language: str) -> list:
    """Every block of every page, with an id that finds it."""
    return [
        pytest.param(block, id=f"{page}: {block.splitlines()[0]}")
        for page, text in DOCS.items()
        for block in blocks(text, language)
    ]


@pytest.mark.parametrize("text", everywhere("yaml"))
def test_configs_build_as_they_are_printed(text, monkeypatch) -> None:
    for service in ("OPENAI", "COHERE", "JINA", "VOYAGE"):
        monkeypatch.setenv(f"{service}_API_KEY", "none")
    config = yaml.safe_load(text)
    assert Reranker(config).to_config() == config


@pytest.mark.parametrize("text", everywhere("python"))
def test_code_compiles_and_imports_what_exists(text) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert not [name.name for name in node.names if not hasattr(module, name.name)]


@pytest.mark.parametrize("page", ["README", "quick-start-llamaindex", "quick-start-langchain", "arabic"])
def test_code_of_these_pages_runs_in_their_order(page, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    for text in blocks(DOCS[page], "python"):
        exec(compile(text, f"{page}.md", "exec"), known)
    assert known["best"]


def test_rerankers_that_take_the_place_of_another_class_build(monkeypatch) -> None:
    for service in ("OPENAI", "COHERE", "JINA"):
        monkeypatch.setenv(f"{service}_API_KEY", "none")
    known = {"M": "BAAI/bge-reranker-v2-m3", "U": "http://localhost:1", "llm": MockLLM()}
    rows = re.findall(r"^\| `.*?` \| (.*) \|$", DOCS["migration"], flags=re.MULTILINE)
    calls = [
        call for row in rows for call in re.findall(r"`((?:Reranker|HybridFusion)\(.*?\))`", row) if "..." not in call
    ]
    assert len(calls) > 20
    for call in calls:
        eval(call, {"Reranker": LlamaIndexReranker, "HybridFusion": HybridFusion, **known})


def test_the_readme_is_short() -> None:
    assert len(DOCS["README"].splitlines()) < 150


def test_figures_of_the_arabic_sample_are_what_the_command_prints() -> None:
    command = next(line for line in DOCS["arabic"].splitlines() if line.startswith("swaprank eval --data core/"))
    done = CliRunner().invoke(app, [*command.split()[1:], "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    printed = re.findall(r"\d\.\d{4}", DOCS["arabic"].rpartition("| nDCG@10 |")[2])
    assert printed == [f"{row['measures']['nDCG@10']:.4f}" for row in found["rows"]]


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in map(slug, headings), target


def test_every_page_is_linked() -> None:
    linked = set(re.findall(r"\]\((?:docs/)?([\w-]+)\.md", "".join(DOCS.values())))
    assert set(DOCS) - {"README"} <= linked


@pytest.mark.parametrize("text", DOCS.values(), ids=DOCS)
def test_commands_exist(text) -> None:
    for target in re.findall(r"(?:^|`)make ([\w-]+)", text, flags=re.MULTILINE):
        assert f"\n{target}:" in MAKEFILE, target
    for module in re.findall(r"python -m (tests\.[\w.]+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
    for script in re.findall(r"(?<!# )(?:tests|examples|core|docs)/[\w/-]+\.(?:py|md|yaml)\b", text):
        assert (ROOT / script).exists(), script
    for name, options in re.findall(r"^swaprank (\w+)(.*)$", text, flags=re.MULTILINE):
        command = get_command(app).commands[name]
        known = {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r"(?<=\s)--?[a-z][\w-]*", options.partition("#")[0])) <= known, name


def test_the_page_of_the_embedded_default_shows_the_recipe() -> None:
    config, *_ = map(yaml.safe_load, blocks(DOCS["embedded-default"], "yaml"))
    assert config == get("embedded").config


def test_the_zero_shot_example_means_what_it_says() -> None:
    [text] = [text for text in blocks(DOCS["llm-rerankers"], "yaml") if "labels:" in text]
    config = yaml.safe_load(text)
    assert config["labels"] == {"yes": 1.0, "maybe": 0.5, "no": 0.0}
    assert config["prompt"].startswith("{instruction}\n\nQuestion: {query}\n\nTicket: {document}\n\n")


def test_options_named_on_the_page_of_language_models_exist() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .+? \| `[a-z]+` \| (.+) \|$", DOCS["llm-rerankers"], flags=re.MULTILINE)
    assert len(rows) == 17
    for name, options in rows:
        named = set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", options)))
        assert named <= set(registry.method(name).model_fields), name


def test_the_table_of_strategies_is_complete() -> None:
    table = DOCS["listwise"].partition("## Strategies")[2].partition("\n\nGroups")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| .*? \| (.*?) ?\|", table, flags=re.MULTILINE)
    assert sorted(name for name, _ in rows) == registry.names("strategy")
    for name, options in rows:
        fields = registry.strategy(name).model_fields
        said = dict(re.findall(r"`(\w+)`(?: (\d+))?", options))
        assert said.keys() >= fields.keys() - {"permutations", "seed"}, name
        assert all(fields[option].default == int(value) for option, value in said.items() if value), name


def test_the_table_of_backends_is_complete() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| .*? \| (.*) \|$", DOCS["config"], flags=re.MULTILINE)
    tables = dict(row for row in rows if row[0] in registry.names("backend"))
    assert sorted(tables) == registry.names("backend")
    for name in ("transformers", "llm"):
        assert set(registry.backend(name).Options.model_fields) == set(re.findall(r"`(\w+)`", tables[name])), name


def test_recipes_named_on_the_page_of_language_models_exist() -> None:
    rows = DOCS["llm-rerankers"].partition("## Which one")[2].partition("Put a cheap stage")[0]
    named = set(re.findall(r"`([a-z0-9.-]+)`", rows)) - {"zero-shot"}
    assert len(named) > 10
    assert named <= set(all_recipes())


@pytest.mark.parametrize(("method", "heading"), [("icr", "## ICR"), ("e2rank", "## E2Rank")])
def test_the_tables_of_attention_and_embedding_name_every_option(method, heading) -> None:
    section = DOCS["attention-and-embedding"].partition(heading)[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    assert sorted(named) == sorted(registry.method(method).model_fields)


def test_files_and_folders_named_on_the_architecture_page_exist() -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", DOCS["architecture"]))
    assert len(named) > 40
    roots = (ROOT, ROOT / "core" / "swaprank")
    assert not [name for name in named if not any((root / name).exists() for root in roots)]


def test_the_picture_of_the_architecture_has_every_folder() -> None:
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (ROOT / "core" / "swaprank").glob("*/__init__.py")}
    assert len(folders) > 15
    assert not [name for name in folders - {"sample"} if f"{name}/" not in picture]
