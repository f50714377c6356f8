"""Find paintings that look alike, as whole pictures and by the faces in them.

The names below are the public interface. They are imported on first use, so that
`import artsim` is quick and no model library is loaded before a model is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artsim.domain.classification import Classification
    from artsim.domain.criteria import Criteria
    from artsim.domain.hits import Hit
    from artsim.domain.results import SearchResult
    from artsim.encoders.classifier.predict import load_classifier
    from artsim.encoders.registry import load_encoder
    from artsim.errors import ArtsimError
    from artsim.evaluation.compare import compare_reports
    from artsim.evaluation.copies.options import CopiesOptions
    from artsim.evaluation.copies.task import evaluate_copies
    from artsim.evaluation.faces.parts import FacesOptions
    from artsim.evaluation.faces.task import evaluate_faces
    from artsim.evaluation.labels.options import LabelsOptions
    from artsim.evaluation.labels.task import evaluate_labels
    from artsim.evaluation.pixels.options import PixelsOptions
    from artsim.evaluation.pixels.task import evaluate_pixels
    from artsim.evaluation.report import Report
    from artsim.evaluation.report_json import read_report
    from artsim.ingest.run import IngestOptions, ingest_paintings
    from artsim.render.report import write_report
    from artsim.render.sheet import write_sheet
    from artsim.search.classify_neighbors import classify_by_neighbors
    from artsim.search.filters import Filters, build_criteria
    from artsim.search.options import SearchOptions
    from artsim.search.queries import ExamplesQuery, IdQuery, ImageQuery, PixelsQuery, TextQuery
    from artsim.search.similar import find_similar, find_similar_faces
    from artsim.store.gallery import Gallery, open_gallery
    from artsim.training.classifier.options import ClassifierOptions
    from artsim.training.classifier.task import train_classifier

__version__ = "0.1.0"

_HOMES = {
    "ArtsimError": "artsim.errors",
    "Classification": "artsim.domain.classification",
    "ClassifierOptions": "artsim.training.classifier.options",
    "CopiesOptions": "artsim.evaluation.copies.options",
    "Criteria": "artsim.domain.criteria",
    "ExamplesQuery": "artsim.search.queries",
    "FacesOptions": "artsim.evaluation.faces.parts",
    "Filters": "artsim.search.filters",
    "Gallery": "artsim.store.gallery",
    "Hit": "artsim.domain.hits",
    "IdQuery": "artsim.search.queries",
    "ImageQuery": "artsim.search.queries",
    "IngestOptions": "artsim.ingest.run",
    "LabelsOptions": "artsim.evaluation.labels.options",
    "PixelsOptions": "artsim.evaluation.pixels.options",
    "PixelsQuery": "artsim.search.queries",
    "Report": "artsim.evaluation.report",
    "SearchOptions": "artsim.search.options",
    "SearchResult": "artsim.domain.results",
    "TextQuery": "artsim.search.queries",
    "build_criteria": "artsim.search.filters",
    "classify_by_neighbors": "artsim.search.classify_neighbors",
    "compare_reports": "artsim.evaluation.compare",
    "evaluate_copies": "artsim.evaluation.copies.task",
    "evaluate_faces": "artsim.evaluation.faces.task",
    "evaluate_labels": "artsim.evaluation.labels.task",
    "evaluate_pixels": "artsim.evaluation.pixels.task",
    "find_similar": "artsim.search.similar",
    "find_similar_faces": "artsim.search.similar",
    "ingest_paintings": "artsim.ingest.run",
    "load_classifier": "artsim.encoders.classifier.predict",
    "load_encoder": "artsim.encoders.registry",
    "open_gallery": "artsim.store.gallery",
    "read_report": "artsim.evaluation.report_json",
    "train_classifier": "artsim.training.classifier.task",
    "write_report": "artsim.render.report",
    "write_sheet": "artsim.render.sheet",
}

__all__ = [
    "ArtsimError",
    "Classification",
    "ClassifierOptions",
    "CopiesOptions",
    "Criteria",
    "ExamplesQuery",
    "FacesOptions",
    "Filters",
    "Gallery",
    "Hit",
    "IdQuery",
    "ImageQuery",
    "IngestOptions",
    "LabelsOptions",
    "PixelsOptions",
    "PixelsQuery",
    "Report",
    "SearchOptions",
    "SearchResult",
    "TextQuery",
    "build_criteria",
    "classify_by_neighbors",
    "compare_reports",
    "evaluate_copies",
    "evaluate_faces",
    "evaluate_labels",
    "evaluate_pixels",
    "find_similar",
    "find_similar_faces",
    "ingest_paintings",
    "load_classifier",
    "load_encoder",
    "open_gallery",
    "read_report",
    "train_classifier",
    "write_report",
    "write_sheet",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
