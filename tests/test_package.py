"""The package as a whole: what it exports, imports and brings along."""

import ast
import re
import subprocess
import sys
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path

import pytest

import assistant
from research.house import circles, imports_of

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "assistant").rglob("*.py"))
FLOORS = (
    "types errors settings text question fs models",
    "load split embed store condense retrieve read select cite reply history feedback",
    "pipeline sync library llm",
    "chain",
    "show",
    "assistant",
    "web mcp evaluate",
    "cli",
    "__main__ __init__",
)
"""From the ground up; see ARCHITECTURE.md."""


def imported(path: Path) -> set[str]:
    """The modules of ours that a module imports at its top level, by first name."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assistant"):
            parts = (node.module or "").split(".")
            names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_from_the_floors_below_its_own(path: Path) -> None:
    name = path.relative_to(ROOT / "assistant").parts[0].removesuffix(".py")
    floor = next(number for number, names in enumerate(FLOORS) if name in names.split())
    below = set(" ".join(FLOORS[: max(floor, 1)]).split())  # the vocabulary is free among itself
    assert imported(path) - {name} <= below


def test_no_imports_go_in_a_circle() -> None:
    """Nor do those within functions, and those for types alone."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in MODULES}
    assert circles(imports_of(trees, ROOT)) == []


def test_only_the_store_imports_chroma() -> None:
    users = {path.parent.name for path in MODULES if "chromadb" in path.read_text()}
    assert users == {"store"}


def test_the_public_names_are_there_and_no_more() -> None:
    assert sorted(assistant.__all__) == [
        "Abstention",
        "Answer",
        "Assistant",
        "AssistantError",
        "Citation",
        "Passage",
        "Settings",
        "Statement",
        "ask",
    ]
    for name in assistant.__all__:
        assert getattr(assistant, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assistant.nothing  # noqa: B018


@pytest.mark.parametrize("statement", ["import assistant", "from assistant import ask, Assistant"])
def test_importing_loads_neither_torch_nor_gradio(statement: str) -> None:
    heavy = ("torch", "gradio", "mcp", "sentence_transformers", "transformers", "chromadb")
    code = f"import sys; {statement}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="CUDA comes uninvited on Linux only")
def test_no_cuda_was_installed_by_accident() -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA GPU")
    names = [each.metadata["Name"] or "" for each in distributions()]
    assert not [name for name in names if name.startswith(("nvidia-", "triton"))]


def test_every_dependency_has_a_bound_and_a_constraint() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    extras = project["optional-dependencies"]
    for wanted in chain(project["dependencies"], *extras.values()):
        name = re.split(r"[\[><=]", wanted)[0]
        assert any(sign in wanted for sign in (">=", "=="))
        assert name in pinned


def test_nothing_dangerous_is_called() -> None:
    """S4: no pickle, no eval, no shell, no remote code, no text given to Chroma."""
    forbidden = ("import pickle", "eval(", "exec(", "shell=True", "query_texts", "gr.HTML")
    for path in MODULES:
        text = path.read_text()
        assert not [word for word in forbidden if word in text], path
        assert "trust_remote_code=True" not in text


def test_each_code_in_the_name_of_a_test_is_in_the_catalogue() -> None:
    catalogue = (ROOT / "docs" / "faults.md").read_text("utf-8")
    listed = set(re.findall(r"^\| ([A-Z]+\d+) \|", catalogue, re.MULTILINE))
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    used = re.findall(r"def test_((?:f|i|q|m|u|s|llm)\d+)_", tests)
    assert {code.upper() for code in used} <= listed
