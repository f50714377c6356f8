"""Lines and modules of the package against its budgets, and what no house should have.

    python -m benchmarks.house [FOLDER]

A package above its budget is marked; more lines or modules than the whole may have, file names
that stand twice, circles of imports (also of those within functions, but not of those for type
checkers) and functions above 40 lines without their docstring are listed, and end in 1. The
signature of a command is its options, and does not count.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

BUDGETS: Final = {
    "catalog": 1600,
    "images": 1100,
    "encoders": 3800,
    "store": 2700,
    "ingest": 2200,
    "search": 1800,
    "evaluation": 4200,
    "training": 4000,
    "render": 2800,
    "web": 1500,
    "commands, cli": 1600,
}
MOST_LINES, MOST_MODULES, MOST_OF_FUNCTION = 28_000, 160, 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> int:
    """Print the table and what is broken; return the exit status."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "artsim")
    modules = sorted(root.rglob("*.py"))
    lines, count = Counter[str](), Counter[str]()
    for path in modules:
        package = package_of(path.relative_to(root))
        lines[package] += len(path.read_bytes().splitlines())
        count[package] += 1
    for package in [*BUDGETS, *sorted(lines.keys() - BUDGETS.keys())]:
        budget = BUDGETS.get(package, 0)
        above = "  above" if budget and lines[package] > budget else ""
        shown = f"{budget:7,}" if budget else "       "
        print(f"{package:14}{lines[package]:7,}{shown}{count[package]:5} modules{above}")
    print(f"{'together':14}{lines.total():7,}{MOST_LINES:7,}{count.total():5} of {MOST_MODULES}")
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    broken = [
        *(["too many lines"] if lines.total() > MOST_LINES else []),
        *(["too many modules"] if count.total() > MOST_MODULES else []),
        *twins(modules, root),
        *(f"circle: {' -> '.join(circle)}" for circle in circles(import_graph(trees, root))),
        *long_functions(trees),
    ]
    print("", *(broken or ["nothing is broken"]), sep="\n")
    return int(bool(broken))


def package_of(path: Path) -> str:
    """Return the row of the table that a module, below the root, counts for."""
    first = path.parts[0]
    if first in ("commands", "cli.py", "__main__.py"):
        return "commands, cli"
    return first if len(path.parts) > 1 else "(top level)"


def twins(modules: list[Path], root: Path) -> Iterator[str]:
    """Yield the file names that stand twice."""
    places = defaultdict(list)
    for path in modules:
        if path.name != "__init__.py" and root / "evaluation" / "tasks" not in path.parents:
            places[path.name].append(str(path.parent))
    for name, folders in places.items():
        if len(folders) > 1:
            yield f"name twice: {name} in {', '.join(folders)}"


def import_graph(trees: dict[Path, ast.Module], root: Path) -> dict[str, set[str]]:
    """Return which modules each one imports, anywhere in it."""
    names = {}
    for path in trees:
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        names[path] = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    known = set(names.values())
    return {names[path]: imports(tree, known) - {names[path]} for path, tree in trees.items()}


def imports(node: ast.AST, known: set[str]) -> set[str]:
    """Return the known modules that a piece of code imports; not those for type checkers."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return set().union(*(imports(part, known) for part in node.orelse))
    if isinstance(node, ast.Import):
        return known.intersection(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        full = {f"{node.module}.{alias.name}" for alias in node.names}
        return (full & known) | ({node.module} & known if full - known else set())
    return set().union(*(imports(child, known) for child in ast.iter_child_nodes(node)))


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one node (Tarjan, 1972)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(stack[at:])
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def long_functions(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield the functions of too many lines, docstring and options of commands apart."""
    for path, tree in trees.items():
        for node in (node for node in ast.walk(tree) if isinstance(node, Function)):
            first = node.body[0]
            is_command = "commands" in path.parts and not node.name.startswith("_")
            begin = first if is_command else node
            size = (node.end_lineno or 0) - begin.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                size -= (first.end_lineno or 0) - first.lineno + 1
            if size > MOST_OF_FUNCTION:
                yield f"{size} lines: {path}:{node.lineno} {node.name}"


if __name__ == "__main__":
    sys.exit(main())
