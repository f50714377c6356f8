"""The look of helps and refusals, and what else commands are called."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from artsim import __version__
from artsim.cli import app
from artsim.commands.command_line import OTHER_NAMES, read_table


def run(*arguments: str, width: int = 100) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(width)})


def commands(table: dict[str, Any], names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield names
    for name, entry in table.items():
        yield from commands(entry.get("commands", {}), (*names, name))


ALL = [*commands(read_table()), ("help",), ("version",)]


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_no_help_speaks_python(names: tuple[str, ...]) -> None:
    done = run(*names, "--help")
    assert done.exit_code == 0
    assert " ".join(["Usage: artsim", *names]) in done.stdout
    assert not re.findall(r"<[a-z|\[\] ]+>|\b(?:bool|str|int|float|list\[)\b", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["facets", "style", "-k", "x"], "'--limit' / '-k': expected a whole number, not 'x'"),
        (["facets", "style", "-k", "0"], "must be greater than or equal to 1, not '0'"),
        (["query", "a.jpg", "-f", "odt"], "'odt' is not one of 'table', 'json'"),
        (["query", "a.jpg", "--min-score", "near"], "expected a number, not 'near'"),
        (["qury"], "No such command 'qury'. Did you mean 'query'?"),
        (["show"], "Missing argument"),
        (["delete"], "say what: ids, or filters, or --all alone"),
        (["list", "--colour", "red"], "No such option: --colour"),
        (["evaluate", "style"], "No such command 'style'"),
    ],
)
def test_a_refusal_is_one_line_like_any_other_error(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert done.stderr.rstrip().endswith("--help)")
    assert done.stderr.count("\n") == 1
    assert "Value error" not in done.stderr


def test_refusals_and_errors_are_json_beside_json(tmp_path: Path) -> None:
    refused = json.loads(run("facets", "style", "-f", "json", "-k", "x").stderr)["error"]
    assert refused["kind"] == "UsageError"
    assert refused["message"].endswith("expected a whole number, not 'x'")
    assert refused["hint"].endswith("facets --help")
    failed = json.loads(run("show", "nobody", "-f", "json", "--home", str(tmp_path)).stderr)
    assert failed["error"]["kind"] == "CollectionNotFoundError"


def test_commands_answer_to_what_others_call_them() -> None:
    assert set(OTHER_NAMES.values()) <= set(read_table())
    listed = run("--help").stdout.partition("Commands")[2]
    for other in ("search", "ls"):
        by_other, by_name = run(other, "--help"), run(OTHER_NAMES[other], "--help")
        assert by_other.exit_code == 0
        assert by_other.stdout.splitlines()[3:] == by_name.stdout.splitlines()[3:]
        assert f" {other} " not in listed


def test_help_and_version_are_commands_too() -> None:
    assert run("version").stdout == run("--version").stdout == f"artsim {__version__}\n"
    assert "evaluate" in run("help").stdout
    assert "portraits.png" in run("help", "list").stdout
    assert "--rerank" in run("help", "evaluate", "labels").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        *(("faces", "{}"), ("query", "{}"), ("query", "--like", "{}"), ("compare", "a", "{}")),
        *(("ingest", "{}"), ("replay", "{}")),
        *(("query", "--id", "a", "--sheet", "{}.png"), ("list", "--output", "{}.csv")),
        *(("evaluate", "labels", "--by", "style", "--out", "{}"), ("info", "--home", "{}")),
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_name_that_no_file_can_have_is_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*(text.format(300 * "x") for text in arguments))
    assert done.exit_code == 1, done.exception
    assert done.stderr.startswith("Error: ")
    assert "File name too long" in done.stderr
    assert done.stderr.count("\n") == 1
