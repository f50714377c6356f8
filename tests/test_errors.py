"""What errors say: in Python without options of the command line, there with them."""

import ast
import json
import pickle
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import artsim.errors
from artsim.cli import app
from artsim.errors import ArtsimError, WeightsError

PACKAGE = Path(__file__).parents[1] / "artsim"
ABOVE = ("commands", "cli.py", "__main__.py")

FLAG = re.compile(r"(?<![\w-])--[a-z]|\bartsim (ingest|query|info|export|train|evaluate|models)\b")


def error_calls(tree: ast.AST) -> list[ast.Call]:
    """Every place at which an error of artsim's tree is made."""
    names = {name for name in vars(artsim.errors) if name.endswith("Error")}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def texts_of(call: ast.Call) -> list[str]:
    nodes = [node for argument in call.args for node in ast.walk(argument)]
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_no_message_of_the_library_names_options_of_the_command_line() -> None:
    found = []
    made = 0
    for module in sorted(PACKAGE.rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        if module.relative_to(PACKAGE).parts[0] in ABOVE or not FLAG.search(text):
            continue
        for call in error_calls(ast.parse(text)):
            made += 1
            found += [f"{module}:{call.lineno}: {t}" for t in texts_of(call) if FLAG.search(t)]
    assert made > 50
    assert found == []


def test_a_message_with_an_option_is_seen() -> None:
    call = error_calls(ast.parse("raise StoreError(f'{x}: broken; give --force', hint='--y')"))
    assert [text for text in texts_of(call[0]) if FLAG.search(text)] == [": broken; give --force"]


def test_an_error_knows_what_it_is_about() -> None:
    error = WeightsError("no weights at w", hint="--weights FILE", path=Path("w"))
    assert (str(error), error.hint, error.path) == ("no weights at w", "--weights FILE", Path("w"))
    assert error.with_hint == "no weights at w (--weights FILE)"
    assert ArtsimError("plain").with_hint == "plain"
    # As it comes from a process of a pool.
    assert pickle.loads(pickle.dumps(error)).with_hint == error.with_hint


@pytest.mark.parametrize("name", ["nowhere", "an id\nof two lines"])
def test_the_command_line_adds_the_hint(sample_home: Path, name: str) -> None:
    arguments = ["query", "--id", name, "--home", str(sample_home)]
    line = CliRunner().invoke(app, arguments).stderr
    assert line.startswith("Error: ")
    assert line.rstrip().endswith(")")
    assert line.count("\n") == 1
    spoken = CliRunner().invoke(app, [*arguments, "--format", "json"])
    assert spoken.exit_code == 1
    assert spoken.stdout == ""
    found = json.loads(spoken.stderr)["error"]
    assert found["kind"] == "PaintingNotFoundError"
    assert found["painting_id"] == name
    assert f"({found['hint']})" in line
