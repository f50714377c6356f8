"""How alike hits and queries are pixel by pixel: SSIM, RMSE and LPIPS of the first K.

This is how painting-similarity work on the National Gallery of Art reports itself; see
`artsim.evaluation.pixels.published`. It says how alike pictures look to a ruler, not to
people: a mirrored copy scores like any other picture.
"""

from __future__ import annotations

from dataclasses import asdict

from artsim.catalog.progress import Progress, SilentProgress
from artsim.evaluation.pixels.options import PixelsOptions
from artsim.evaluation.pixels.report import make_report
from artsim.evaluation.pixels.run import PixelRun
from artsim.evaluation.report import Report
from artsim.search.models import Models
from artsim.store.gallery import Gallery


def evaluate_pixels(
    gallery: Gallery,
    options: PixelsOptions | None = None,
    *,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare sampled paintings with their first K hits, pixel by pixel.

    Every encoder of the gallery searches, without and with re-ranking, through the
    functions that answer queries; hits drawn by lot and the best there are in the gallery
    stand beside them. Files are opened for the comparison alone; one that is missing or
    damaged is left out and counted.

    Parameters
    ----------
    gallery : Gallery
        With the picture files that its ``image_uri`` name on this machine.
    options : PixelsOptions, optional
    models : Models, optional
        Where LPIPS's weights are looked for, and the limit on files; no encoder is loaded.
    progress : Progress, optional

    Returns
    -------
    Report
        Tables ``pictures`` and, with faces, ``face_pictures`` (whole pictures found by
        faces) and ``faces``; values by query; bars, curves by rank, and the queries least
        like their hits.

    Raises
    ------
    ImageError
        If no query's picture can be read.
    QueryError
        If fewer than two paintings have the vectors.
    EncoderMismatchError, StoreError
        If the gallery lacks an encoder, or the database fails.
    """
    options = options or PixelsOptions()
    models = models or Models()
    progress = progress or SilentProgress()
    run = PixelRun(gallery, options, models, progress)
    try:
        found = [run.compare_pictures()]
        if options.faces is None:
            found += run.compare_faces_if_any()
        elif options.faces:
            found += run.compare_faces()
    finally:
        progress.finish()
    settings = {
        **asdict(options),
        "encoders": [info.vector_name for info in run.encoders],
        "face_encoders": [info.vector_name for info in run.face_encoders],
        "lpips": run.lpips_identity,
    }
    return make_report(
        found,
        gallery=gallery,
        settings=settings,
        left_out=run.left_out,
        weights=models.settings if options.published else None,
    )
