"""How commands are found and explained, and how they say what went wrong."""

from __future__ import annotations

import functools
import inspect
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from artsim.errors import ArtsimError, OptionError, shortened

try:  # typer's own copy of click, which has a current context of its own
    from typer._click.globals import get_current_context
except ImportError:  # versions before that depend on click
    from click import get_current_context  # type: ignore[no-redef]

_LONGEST_LINE: Final = 4000  # characters of a line; messages can repeat what somebody gave

_TYPES: Final[Mapping[str, str]] = {
    "bool": "",
    "str": "TEXT",
    "int": "N",
    "float": "NUMBER",
    "path": "FILE",
    "file": "FILE",
    "Path": "FILE",
    "dir": "FOLDER",
}
"""Python's types, as people call them."""

_REWORDED: Final = (
    (re.compile("^Value error, "), ""),
    (re.compile("^Input should be a valid integer.*"), "expected a whole number"),
    (re.compile("^Input should be a valid number.*"), "expected a number"),
    (re.compile("^Input should be "), "must be "),
)
"""How pydantic, with which typer checks values, words what it refuses."""


class UsageError(ArtsimError):
    """A command line that cannot be understood; its exit code is 2."""


@functools.cache
def read_table(name: str = "commands.toml") -> dict[str, Any]:
    """Return the commands by name: which function each runs, its help, its own commands."""
    with Path(__file__).with_name(name).open("rb") as stream:
        return tomllib.load(stream)


OTHER_NAMES: Final[Mapping[str, str]] = {
    other: name for name, entry in read_table().items() for other in entry.get("also", ())
}
"""What other programs call a command."""


class Commands(TyperGroup):
    """Commands of a table, each imported and built when it is to run.

    Their helps name no types of Python, and their refusals are one line on stderr.
    """

    def __init__(
        self, *, table: Mapping[str, Any] | None = None, commands: Any = None, **attrs: Any
    ) -> None:
        super().__init__(**attrs)
        self.table = read_table() if table is None else table
        listed = {
            name: TyperCommand(name=name, help=_flowing(entry["help"]))
            for name, entry in self.table.items()
        }
        self.commands = {**listed, **(commands or {})}

    def get_params(self, ctx: Any) -> Any:
        """Return the group's own options, in people's words."""
        return [_in_words(param) for param in super().get_params(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of that name, or of what other programs call it, as it is listed."""
        name = OTHER_NAMES.get(cmd_name, cmd_name) if ctx.parent is None else cmd_name
        return super().get_command(ctx, name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find and build the command that the arguments begin with."""
        found: Any = super().resolve_command(ctx, args)
        name, command, rest = found
        known = command and command.name
        if known in self.table:
            command = _built(known, self.table[known], ctx)
        for param in command.get_params(ctx) if command else ():
            _in_words(param)
        return name, command, rest

    def main(self, *args: Any, **named: Any) -> Any:
        """Run the command line, and end the process with its exit code."""
        if not named.pop("standalone_mode", True):
            return super().main(*args, **{**named, "standalone_mode": False})
        try:
            code = super().main(*args, **{**named, "standalone_mode": False})
        except typer.Abort:
            say("Aborted.")
            sys.exit(1)
        except Exception as error:
            # Errors of the parser have these, in whichever library their class is.
            if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
                raise
            _show_refusal(error)
            sys.exit(error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


def _flowing(text: str) -> str:
    """Return paragraphs whose lines end where the terminal's do."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _built(name: str, entry: Mapping[str, Any], context: Any) -> Any:
    """Return the command, or group of commands, that an entry of a table describes."""
    command = None
    if "run" in entry:
        module, _, function = entry["run"].partition(".")
        callback = getattr(import_module(f"artsim.commands.{module}"), function)
        made = typer.Typer(add_completion=False)
        path = f"{context.command.name} {name}" if context.parent else name
        made.command(name, help=_flowing(entry["help"]))(as_command(callback, path))
        command = typer.main.get_command(made)
    if "commands" not in entry:
        return command
    return Commands(
        name=name,
        table=entry["commands"],
        help=_flowing(entry["help"]),
        params=command and command.params,
        callback=command and command.callback,
        invoke_without_command=command is not None,
        no_args_is_help=True,
    )


def as_command(command: Callable[..., None], name: str) -> Callable[..., None]:
    """Return the function of a command for typer, with its expected errors as one line.

    Its parameters are options, as are the fields of those whose type is a dataclass: such a group
    says more of them in ``options.toml``, or in the fields' own metadata, as recipes do. Tuples of
    any length may be given several times.
    """
    hints = get_type_hints(command)
    options: list[inspect.Parameter] = []
    groups: dict[str, list[str]] = {}
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and is_dataclass(hint):
            made = _options_of(hint)
            groups[parameter.name] = [each.name for each in made]
            options += made
        else:
            said = _said(parameter.name, name)
            options.append(_option(parameter.name, hint, parameter.default, said))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        with expected_errors():
            try:
                for group, own in groups.items():
                    values[group] = hints[group](**{each: values.pop(each) for each in own})
            except OptionError as error:
                raise typer.BadParameter(str(error)) from error
            command(**values)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options_of(group: type[Any]) -> list[inspect.Parameter]:
    hints, options = get_type_hints(group), []
    is_recipe = any("about" in each.metadata for each in fields(group))
    for each in sorted(fields(group), key=lambda each: each.name not in group.__annotations__):
        about = each.metadata.get("about")
        said = about and {"flags": each.metadata["flags"], **about}
        if not is_recipe:
            said = _said(each.name, *(of.__name__ for of in group.__mro__))
        if said is not None:
            default = inspect.Parameter.empty if each.default is MISSING else each.default
            options.append(_option(each.name, hints[each.name], default, said))
    return options


def _said(name: str, *of: str) -> dict[str, Any] | None:
    tables = (read_table("options.toml").get(each, {}) for each in (*of, "shared"))
    table: dict[str, Any] = next((table for table in tables if name in table), {})
    return {"panel": table.get("panel"), **table[name]} if table.get(name) else None


def _option(
    name: str, hint: Any, default: Any, said: Mapping[str, Any] | None
) -> inspect.Parameter:
    if get_origin(hint) is Sequence or get_args(hint)[1:] == (...,):
        hint = GenericAlias(list, get_args(hint)[:1])
    if said is not None:
        about = dict(said)
        flags = about.pop("flags", ()) or ([f"--{name.replace('_', '-')}"] if hint is bool else ())
        if "panel" in about:
            about["rich_help_panel"] = about.pop("panel")
        if "names" in about:
            about |= _one_of(about.pop("names"))
        make = typer.Argument if about.pop("argument", False) else typer.Option
        hint = Annotated[hint, make(*flags, **about)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _one_of(names: str) -> dict[str, Any]:
    """Return what `typer.Option` takes of an option that is a name of a registry."""
    from artsim.catalog.kinds import KINDS
    from artsim.search.rerank import RERANKERS

    registry: Mapping[str, object] = KINDS if names == "kinds" else RERANKERS

    def read(text: str) -> str:
        if text not in registry:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, registry))}.")
        return text

    return {"parser": read, "metavar": f"[{'|'.join(registry)}]"}


def _in_words(param: Any) -> Any:
    """Return a parameter that says in people's words what it takes, where nobody said it."""
    display: Callable[[Any], str] = param.display_type
    param.display_type = lambda ctx: _word_of(display(ctx))
    return param


def _word_of(shown: str) -> str:
    """Return ``<list[float]>`` as ``NUMBER``; what is no type of Python stays."""
    bare = re.sub(r"^<(?:list\[)?|\]?>$|(?: range)?\]?>$", "", shown)
    return _TYPES.get(bare, bare)


def _show_refusal(error: Any) -> None:
    """Say in one line what of the command line was refused, and where its help is."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return  # the help has been printed
    context = getattr(error, "ctx", None)
    hint = "" if context is None else f"{context.command_path} --help"
    show_error(UsageError(_reworded(error), hint=hint), context)


def _reworded(error: Any) -> str:
    for pattern, words in _REWORDED:
        error.message = pattern.sub(words, error.message)
    refused: list[Any] = getattr(error.__cause__, "errors", list)()
    if refused and repr(refused[0]["input"]) not in error.message:
        error.message += f", not {refused[0]['input']!r}"
    return str(error.format_message()).removeprefix("Invalid value: ").rstrip(".")


@contextmanager
def expected_errors() -> Iterator[None]:
    """Turn an expected failure into one line on stderr and exit code 1.

    Where the command writes JSON to stdout, the line is JSON too, as docs/output.md has it.
    The reader of a pipe that goes away, as ``head`` does, ends the command in silence.
    """
    try:
        yield
    except ArtsimError as error:
        show_error(error)
        raise typer.Exit(1) from error
    except BrokenPipeError as error:
        # Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from error
    except OSError as error:
        if error.filename is None:
            raise
        # Of a name that is too long even asking whether there is such a file fails.
        show_error(ArtsimError(f"{shortened(str(error.filename))}: {error.strerror}"))
        raise typer.Exit(1) from error


def show_error(error: ArtsimError, context: Any = None) -> None:
    """Write an error to stderr in one line, as JSON where the command writes JSON to stdout.

    `context` is typer's, of the command that failed, where it runs no longer.
    """
    context = context or get_current_context(silent=True)
    if context is not None and context.params.get("output_format") in ("json", "jsonl"):
        typer.echo(json.dumps({"error": error.to_dict()}, ensure_ascii=False), err=True)
    else:
        say(f"Error: {error.with_hint}")


def say(text: str) -> None:
    """Write a line for the user to stderr: one line without control characters."""
    from artsim.render.text import clean

    typer.echo(clean(text, _LONGEST_LINE), err=True)


def say_notes(notes: Sequence[str]) -> None:
    """Write remarks on how names and values were understood, with what to do about them."""
    for note in notes:
        say(f"Note: {getattr(note, 'with_hint', note)}")


def write_json(value: object) -> None:
    """Write a JSON document to stdout, in UTF-8 whatever the locale."""
    from artsim.render.output import dump_json

    sys.stdout.buffer.write(dump_json(value, indent=2).encode())
    sys.stdout.buffer.flush()
