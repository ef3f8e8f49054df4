"""The structure of the code in numbers, and the path of one question through it.

    python -m research.house [CHECKOUT ...]

Each CHECKOUT is a folder with the package `assistant/` in it, this one where none is named; their
numbers stand beside each other. To compare with an earlier state:

    git worktree add /tmp/before REVISION && python -m research.house /tmp/before .

What is counted:

- *modules with one importer*: apart from packages' `__init__` and the commands, modules that one
  other module alone imports, wherever in it;
- *helpers used once*: functions of modules whose name begins with an underscore and stands once
  in the package beside their definition, as a share of all functions;
- *constants*: names in capitals, or with an underscore before capitals, bound at the top level;
- *circles*: groups of modules that import one another, imports within functions and for types
  alone included;
- *rooms and moves*: the modules of the package whose functions run, and the calls that go from a
  function of one module into one of another. Of a question, once the process has answered one
  before; of a sync, when one file of three has changed.
"""

import argparse
import ast
import json
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_TRACED = r"""
import json, shutil, sys, tempfile, threading, time
from pathlib import Path
import assistant
from assistant.assistant import Assistant

package = str(Path(assistant.__file__).parent)
rooms, moves = set(), [0]

def watch(frame, event, _):
    if event != "call" or not (path := frame.f_code.co_filename).startswith(package):
        return
    rooms.add(path)
    caller = frame.f_back
    while caller is not None and not caller.f_code.co_filename.startswith(package):
        caller = caller.f_back
    moves[0] += caller is not None and caller.f_code.co_filename != path

def traced(run):
    rooms.clear()
    moves[0] = 0
    threading.setprofile(watch)
    sys.setprofile(watch)
    run()
    sys.setprofile(None)
    threading.setprofile(None)
    return [len(rooms), moves[0], sorted(str(Path(each).relative_to(package)) for each in rooms)]

home = Path(tempfile.mkdtemp())
shutil.copytree(sys.argv[1], home / "knowledge")
for name in ("first", "second"):
    (home / "knowledge" / f"{name}.txt").write_text(f"The {name} lease ends on 3 May 2031.\n")
asking = Assistant(home)
asking.sync()
asking.ask("How large was trade between China and Belarus last year?")
time.sleep(3)  # files that changed just now are compared again
asking.ask("Who signed the joint statement?")  # after the second one Chroma is opened, once
time.sleep(1)  # a person's next question comes later than the last look at the folder
question = traced(lambda: asking.ask("What was the value of bilateral trade last year?"))
(home / "knowledge" / "second.txt").write_text("The second lease ends on 4 June 2032.\n")
change = traced(asking.sync)
shutil.rmtree(home)
print(json.dumps({"question": question, "change": change}))
"""


def main() -> None:
    """Print a column of numbers for each checkout."""
    parser = argparse.ArgumentParser(description="The structure of the code in numbers.")
    parser.add_argument("checkout", nargs="*", type=Path, default=[ROOT])
    parser.add_argument("--names", action="store_true", help="list what was counted, too")
    options = parser.parse_args()
    columns, named = [], []
    for checkout in options.checkout:
        numbers, names = measure(checkout.resolve())
        columns.append(numbers)
        named.append(names)
    for name in columns[0]:
        print(f"{name:34}", *(f"{column[name]:>10}" for column in columns))
    for checkout, names in zip(options.checkout, named, strict=True) if options.names else ():
        for name, members in names.items():
            print(f"\n{checkout}, {name}:", *members, sep="\n  ")


def measure(checkout: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The numbers of a checkout, and the names behind some of them."""
    sources = {path: path.read_text("utf-8") for path in (checkout / "assistant").rglob("*.py")}
    trees = {path: ast.parse(source) for path, source in sources.items()}
    lines = [source.count("\n") for source in sources.values()]
    nodes = (each for tree in trees.values() for each in ast.walk(tree))
    functions = [each for each in nodes if isinstance(each, _FUNCTION)]
    lengths = sorted((each.end_lineno or each.lineno) - each.lineno + 1 for each in functions)
    imports = imports_of(trees, checkout)
    importers = Counter(each for name, found in imports.items() for each in found - {name})
    alone = sorted(name for name in imports if importers[name] == 1 and "." in name)
    once = sorted(_used_once(trees.values()))
    rings = [sorted(each) for each in circles(imports)]
    traced = _trace(checkout)
    (asked, asked_moves, rooms), (changed, changed_moves, _) = traced["question"], traced["change"]
    numbers = {
        "modules": f"{len(sources)}",
        "lines": f"{sum(lines):,}",
        "lines of a module, median": f"{statistics.median(lines):.0f}",
        "lines of a module, most": f"{max(lines)}",
        "functions": f"{len(functions)}",
        "lines of a function, median": f"{statistics.median(lengths):.0f}",
        "lines of a function, 9 in 10": f"{lengths[len(lengths) * 9 // 10]}",
        "modules with one importer": f"{len(alone)}",
        "helpers used once": f"{len(once) / len(functions):.1%}",
        "constants": f"{sum(map(_constants, trees.values()))}",
        "circles of imports": f"{len(rings)}",
        "a question: rooms": f"{asked}",
        "a question: moves": f"{asked_moves}",
        "a changed file: rooms": f"{changed}",
        "a changed file: moves": f"{changed_moves}",
    }
    names = {"one importer": alone, "used once": once, "circles": [", ".join(c) for c in rings],
             "rooms of a question": rooms}  # fmt: skip
    return numbers, names


def imports_of(trees: Mapping[Path, ast.Module], checkout: Path) -> dict[str, set[str]]:
    """The modules of the package that each one imports, wherever in it."""
    return {_module(path, checkout): set(_imported(tree, checkout)) for path, tree in trees.items()}


def _module(path: Path, checkout: Path) -> str:
    name = ".".join(path.relative_to(checkout).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _imported(tree: ast.Module, checkout: Path) -> Iterator[str]:
    """The modules of the package that a module imports anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assistant"):
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                is_module = (checkout / f"{inner.replace('.', '/')}.py").exists() or (
                    checkout / inner.replace(".", "/")
                ).is_dir()
                yield inner if is_module else str(node.module)


def _used_once(trees: Iterable[ast.Module]) -> Iterator[str]:
    """The private functions of modules that stand once in the package beside their definition."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = Counter(each.id for each in nodes if isinstance(each, ast.Name))
    used.update(each.attr for each in nodes if isinstance(each, ast.Attribute))
    defined = Counter(each.name for each in nodes if isinstance(each, _FUNCTION))
    for tree in trees:
        for each in tree.body:
            if isinstance(each, _FUNCTION) and re.match(r"_[^_]", each.name):
                yield from [each.name] * (used[each.name] == defined[each.name])


def _constants(tree: ast.Module) -> int:
    bound = [each for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
             for each in ast.walk(node) if isinstance(each, ast.Name)]  # fmt: skip
    names = {each.id for each in bound if isinstance(each.ctx, ast.Store)}
    return sum(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) is not None for name in names)


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules of which each reaches each; a package counts as its `__init__`."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        coming = [start]
        while coming:
            for each in imports.get(coming.pop(), set()) - found:
                found.add(each)
                coming.append(each)
        return found

    reach = {name: reached(name) for name in imports}
    groups: list[set[str]] = []
    for name in imports:
        group = {each for each in reach[name] if name in reach.get(each, set())}
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def _trace(checkout: Path) -> dict[str, tuple[int, int, list[str]]]:
    done = subprocess.run(
        [sys.executable, "-c", _TRACED, str(ROOT / "knowledge")],
        capture_output=True, text=True, check=True, cwd=checkout,
    )  # fmt: skip
    found: dict[str, tuple[int, int, list[str]]] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
