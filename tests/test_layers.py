"""Imports point one way, and heavy libraries stay behind their doors."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "artsim"

# Each layer may import itself and every layer below it; names in one row are strangers.
ROWS = [
    {"__main__"},
    {"cli"},
    {"commands"},
    {"web"},
    {"render"},
    {"evaluation", "training"},
    {"search", "ingest"},
    {"encoders", "store"},
    {"files"},
    {"images", "config"},
    {"catalog"},
    {"errors"},
]
RANK = {name: len(ROWS) - i for i, row in enumerate(ROWS) for name in row}

DOORS = {
    "qdrant_client": {"store"},
    "qdrant_edge": {"store"},
    "torch": {"encoders", "training"},
    "torchvision": {"encoders"},
    "onnxruntime": {"encoders"},
    "open_clip": {"encoders"},
    "timm": {"encoders"},
    "facenet_pytorch": {"encoders"},
    "typer": {"cli", "commands"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            if node.module == "artsim":
                found += [(node.lineno, f"artsim.{alias.name}") for alias in node.names]
            elif node.module is not None:
                found.append((node.lineno, node.module))
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_point_down(module: Path) -> None:
    layer = layer_of(module)
    if layer == "__init__":
        return  # the public names, from any layer
    assert layer in RANK, f"{layer} has no place among the layers"
    for line, name in imports_of(module):
        top, _, rest = name.partition(".")
        if top == "artsim" and rest:
            target = rest.split(".")[0]
            if target == "__version__":
                continue
            allowed = target == layer or RANK[target] < RANK[layer]
            assert allowed, f"{module}:{line}: {layer} imports {target}"
        elif top in DOORS:
            assert layer in DOORS[top], f"{module}:{line}: {top} belongs to {DOORS[top]}"


def test_a_wrong_arrow_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from artsim.cli import app\nimport torch\nfrom artsim import store\n")
    assert imports_of(wrong) == [(1, "artsim.cli"), (2, "torch"), (3, "artsim.store")]
