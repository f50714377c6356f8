"""The public names of artsim, imported on first use from where they are defined."""

from .catalog.scale import Verdict as Verdict
from .catalog.hits import Classification as Classification
from .catalog.payload import Criteria as Criteria
from .catalog.hits import Hit as Hit
from .catalog.kinds import FACES as FACES, PAINTINGS as PAINTINGS, Kind as Kind, Region as Region
from .encoders.classifier import load_classifier as load_classifier
from .encoders.face_detectors import find_faces as find_faces, load_detector as load_detector
from .encoders.registry import list_cards as list_cards, load_encoder as load_encoder
from .errors import (
    ArtsimError as ArtsimError,
    CollectionNotFoundError as CollectionNotFoundError,
    ConfigError as ConfigError,
    EncoderError as EncoderError,
    EncoderMismatchError as EncoderMismatchError,
    EvaluationError as EvaluationError,
    ExportError as ExportError,
    ImageError as ImageError,
    MetadataError as MetadataError,
    NoFaceError as NoFaceError,
    OptionError as OptionError,
    PaintingNotFoundError as PaintingNotFoundError,
    QueryError as QueryError,
    RenderError as RenderError,
    ReportError as ReportError,
    SchemaMismatchError as SchemaMismatchError,
    SourceError as SourceError,
    StoreAccessError as StoreAccessError,
    StoreError as StoreError,
    StoreLockedError as StoreLockedError,
    StoreUnavailableError as StoreUnavailableError,
    TrainingError as TrainingError,
    UnknownEncoderError as UnknownEncoderError,
    WeightsError as WeightsError,
)
from .render.collection_map import MapOptions as MapOptions, make_map as make_map
from .evaluation.compare import compare_reports as compare_reports
from .evaluation.tasks.copies import (
    CopiesOptions as CopiesOptions,
    evaluate_copies as evaluate_copies,
)
from .evaluation.tasks.faces import (
    FacesOptions as FacesOptions,
    evaluate_faces as evaluate_faces,
)
from .evaluation.tasks.labels import (
    LabelsOptions as LabelsOptions,
    evaluate_labels as evaluate_labels,
)
from .evaluation.tasks.pixels import (
    PixelsOptions as PixelsOptions,
    evaluate_pixels as evaluate_pixels,
)
from .evaluation.report import Report as Report, read_report as read_report
from .images.load import load_image as load_image, load_image_bytes as load_image_bytes
from .ingest.prune import delete_gallery as delete_gallery, delete_paintings as delete_paintings
from .ingest.summary import IngestSummary as IngestSummary
from .ingest.upkeep import push_gallery as push_gallery
from .ingest.upkeep import GalleryRepair as GalleryRepair, repair_gallery as repair_gallery
from .ingest.run import IngestOptions as IngestOptions, ingest_paintings as ingest_paintings
from .ingest.sample import make_sample as make_sample
from .render.map_page import MapStyle as MapStyle, write_map as write_map
from .render.report_forms import write_report as write_report
from .render.sheet import write_sheet as write_sheet
from .search.answer import Answer as Answer, answer as answer, find_similar as find_similar
from .search.comparison import Comparison as Comparison, compare as compare
from .search.classify_neighbors import classify_by_neighbors as classify_by_neighbors
from .search.export import (
    export_csv as export_csv,
    export_gallery as export_gallery,
    export_jsonl as export_jsonl,
    export_parquet as export_parquet,
    export_xlsx as export_xlsx,
)
from .search.filters import Filters as Filters, build_criteria as build_criteria
from .search.inspect import (
    FacesOf as FacesOf,
    describe_painting as describe_painting,
    describe_store as describe_store,
    list_faces as list_faces,
)
from .search.people import (
    GroupOptions as GroupOptions,
    People as People,
    group_people as group_people,
)
from .search.listing import (
    Listing as Listing,
    ValueCounts as ValueCounts,
    count_values as count_values,
    list_paintings as list_paintings,
)
from .search.models import Models as Models
from .search.question import (
    ExamplesQuery as ExamplesQuery,
    IdQuery as IdQuery,
    ImageQuery as ImageQuery,
    PixelsQuery as PixelsQuery,
    Question as Question,
    SearchOptions as SearchOptions,
    TextQuery as TextQuery,
)
from .search.replay import (
    list_changes as list_changes,
    read_question as read_question,
    save_question as save_question,
)
from .store.protocol import ServerOptions as ServerOptions
from .store.gallery import Gallery as Gallery, open_gallery as open_gallery
from .training.classifier_training import train_classifier as train_classifier
from .training.face_training import train_faces as train_faces
from .training.loop import LoopOptions as LoopOptions
from .training.painting_training import train_painting_encoder as train_painting_encoder
from .training.recipes import ClassifierOptions as ClassifierOptions
from .training.recipes import FacesRecipe as FacesRecipe
from .training.recipes import PaintingOptions as PaintingOptions

__version__: str
