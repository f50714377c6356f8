"""How a gallery is begun, or added to: what visitors bring, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from artsim.catalog.kinds import DETAILS, KINDS, CutterOptions
from artsim.catalog.progress import Progress
from artsim.errors import OptionError, SourceError
from artsim.files import local_path
from artsim.images.load import ImageLimits
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.ingest.summary import IngestSummary
from artsim.search.models import Models
from artsim.store.data_folder import mark_store_folder
from artsim.store.gallery import Gallery, check_gallery_name, collection_name
from artsim.web.intakes import From, Intake, Intakes, open_intake
from artsim.web.jobs import Jobs
from artsim.web.received import Received

PICTURES: Final = "pictures"
"""Folder in the data folder, behind the gallery's prefix, of the pictures that visitors added."""

SAMPLE: Final = "sample"
"""Folder of the sample in the data folder, and the gallery that it goes into by itself."""

_BATCH: Final = 16
"""Paintings that are written together: soon seen, and soon stopped."""

PARTS: Final = tuple(name for name, kind in KINDS.items() if not kind.is_whole)
"""What can be looked for in pictures."""

_RECORDS: Final = "intakes"


@dataclass(slots=True)
class Beginning:
    """What visitors add, and where it goes.

    Attributes
    ----------
    gallery : Gallery
        What is added to where no other is named; without `others` no other may be.
    home, cache : Path
        Data folder, in which pictures lie for good; and that of the page in it.
    """

    gallery: Gallery
    home: Path
    cache: Path
    models: Models
    others: bool = True
    intakes: Intakes = field(init=False)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        """Take up what an earlier server began."""
        self.intakes = Intakes(self.cache / _RECORDS)
        self.jobs = Jobs(self.intakes, self.ingest)

    def received(self, gallery: str | None) -> Received:
        """Return the folder of the files that were added to a gallery."""
        return Received(self.home / collection_name(gallery, PICTURES), self.home)

    def begin(self, origin: From, folder: str, name: str | None) -> Intake:
        """Begin an intake into the gallery of that name; nothing is read in yet.

        Raises
        ------
        SourceError
            If there is no such folder on this machine.
        OptionError, ConfigError
            If it may not go into that gallery, or none can be called so.
        """
        if origin == "sample" and name is None and self.others and self.gallery.name is None:
            name = SAMPLE
        if name is None:
            name = self.gallery.name
        check_gallery_name(name)
        if name != self.gallery.name and not self.others:
            raise OptionError(f"gallery: only {self.gallery.name} is served here")
        if origin == "sample":
            return self.intakes.add(name, "sample", self.home / SAMPLE)
        if origin == "folder":
            return self.intakes.add(name, "folder", _folder(folder))
        received = self.received(name)
        received.tidy()
        return self.intakes.add(name, "sent", received.folder)

    def ingest(
        self, intake: Intake, progress: Progress, stopped: Callable[[], bool]
    ) -> IngestSummary:
        """Read an intake into its gallery."""
        if intake.origin == "sample":
            mark_store_folder(self.home)
            make_sample(Path(intake.place))
        options = IngestOptions(
            kinds=tuple(KINDS[name] for name in intake.kinds),
            points=DETAILS.name in intake.kinds,
            weights=self.models.weights,
            **asdict(CutterOptions.of(self.models)),
            limits=ImageLimits(max_megapixels=self.models.max_megapixels),
            batch_size=_BATCH,
        )
        return ingest_paintings(
            Gallery(self.gallery.store, intake.gallery),
            open_intake(intake, self.intakes.files(intake.id)),
            options,
            progress=progress,
            settings=self.models.settings,
            stopped=stopped,
        )

    def discard(self, intake_id: str) -> None:
        """Forget an intake, with the files that came with it if it never was read in."""
        intake = self.intakes.get(intake_id)
        is_open = intake.origin == "sent" and intake.state == "open"
        own = self.intakes.own_files(intake_id) if is_open else []
        self.intakes.forget(intake_id)
        for name in own:
            (Path(intake.place) / name).unlink(missing_ok=True)


def _folder(given: str) -> Path:
    """Return the folder or list of this machine that a visitor names, without links."""
    said = given.strip().strip("\"'")
    try:
        path = local_path(said) if said else None
        if path is None or "\0" in said:
            raise FileNotFoundError
        found = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SourceError(
            f"there is no folder {said[:200]!r} on the machine of this server; check its path"
        ) from exc
    if found == Path(found.anchor):
        raise SourceError(f"{found} is a whole disk; name a folder of pictures on it")
    return found
