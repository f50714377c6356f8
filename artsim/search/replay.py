"""Questions as files: saved with what they were answered from, and asked again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from artsim.catalog.hits import SCHEMA
from artsim.catalog.kinds import CutterOptions
from artsim.errors import OptionError, QueryError, listed
from artsim.files import FileKind, write_file
from artsim.search.answer import Answer
from artsim.search.inspect import Source
from artsim.search.models import Models
from artsim.search.question import ExamplesQuery, ImageQuery, Question, checked_form

QUESTION: Final = FileKind("question", QueryError, endings=(".json",), noted=True)

MAX_BYTES: Final = 512 * 1024 * 1024
"""Most bytes of a saved question, which may hold pictures whole."""

_OF_FACES: Final = ("min_face", "face_score", "face_detector", "small_faces")


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question, what it was answered from, and how the `Models` looked for `faces`."""

    question: Question
    source: Source
    faces: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Form:
    schema: int
    question: dict[str, Any]
    source: Source
    min_face: int | None
    face_score: float | None
    face_detector: str | None = None
    small_faces: bool = False


def save_question(
    answer: Answer,
    path: Path,
    *,
    models: Models | None = None,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    home: Path | None = None,
) -> None:
    """Write the question of an answer, so that `read_question` can ask it again.

    Pictures in files are named by their whole paths and SHA-256; other pictures are in it. `models`
    are those by which it was answered; `overwrite`, `inputs` and `home` are as for
    `artsim.files.check_file`. QueryError if the file cannot be written, or would replace another's.
    """
    document = {
        "schema": SCHEMA,
        "question": _anywhere(answer.question).to_dict(),
        "source": asdict(answer.source),
        **{name: getattr(models or CutterOptions(), name) for name in _OF_FACES},
    }
    with write_file(path, QUESTION, overwrite=overwrite, inputs=inputs, home=home) as stream:
        # In ASCII, which holds the names of files that are not Unicode too.
        stream.write(json.dumps(document, indent=2).encode() + b"\n")


def read_question(path: Path) -> SavedQuestion:
    """Read a question that `save_question` wrote.

    QueryError, naming the place in it, if it cannot be read, or is no such file.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise QueryError(f"more than {MAX_BYTES >> 20} MiB, no question")
        document = json.loads(path.read_bytes())
        form = checked_form(_Form, document)
        if form.schema > SCHEMA:
            raise QueryError(f"schema: {form.schema}, of a newer artsim; upgrade artsim")
        question = Question.from_dict(document["question"])
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise QueryError(f"{path}: the question cannot be read: {why}", path=path) from exc
    except (QueryError, OptionError) as exc:
        raise QueryError(f"{path}: {exc}", path=path) from exc
    except (ValueError, RecursionError) as exc:
        raise QueryError(
            f"{path}: no question ({exc}); give one that was saved with a query",
            hint="artsim query IMAGE --save FILE",
            path=path,
        ) from exc
    return SavedQuestion(question, form.source, {name: getattr(form, name) for name in _OF_FACES})


def list_changes(saved: SavedQuestion, answer: Answer) -> list[str]:
    """Return in words what differs between an answer and what the question was answered from."""
    then, now = saved.source, answer.source
    found = []
    if then.artsim != now.artsim:
        found.append(f"the question was saved by artsim {then.artsim}; this is {now.artsim}")
    if then.encoders != now.encoders:
        found.append(
            f"it was answered by {listed(then.encoders)}, and is now by {listed(now.encoders)}"
        )
    if then.gallery != now.gallery:
        found.append(f"it was asked of {_named(then)}, and is now of {_named(now)}")
    elif then.points != now.points:
        what = f"{answer.kind.noun}s"
        found.append(f"the gallery had {then.points:,} {what}, and has {now.points:,} now")
    elif then.digest != now.digest:
        found.append("the gallery has been written, or copied, since the question was saved")
    for before, after in zip(saved.question.pictures, answer.question.pictures, strict=True):
        if isinstance(after, ImageQuery) and getattr(before, "sha256", None) != after.sha256:
            found.append(f"{after.name}: the picture's file has changed")
    return found


def _named(source: Source) -> str:
    return "the default gallery" if source.gallery is None else f"the gallery {source.gallery!r}"


def _anywhere(question: Question) -> Question:
    """Return the question with the whole paths of its pictures."""
    query = question.query
    if isinstance(query, ExamplesQuery):
        like, unlike = (tuple(map(_whole, some)) for some in (query.like, query.unlike))
        return replace(question, query=ExamplesQuery(like, unlike))
    return replace(question, query=_whole(query))


def _whole(query: Any) -> Any:
    path = getattr(query, "path", None)
    return query if path is None else replace(query, picture=path.absolute())
