"""Finding an encoder again that was used before, by what was noted of it."""

from __future__ import annotations

from pathlib import Path

from artsim.catalog.encoder_info import EncoderInfo
from artsim.config import Settings
from artsim.encoders.plan import EncoderPlan
from artsim.errors import EncoderError, EncoderMismatchError


def recall_encoder(
    info: EncoderInfo, *, weights: Path | None = None, settings: Settings | None = None
) -> EncoderPlan:
    """Return the plan of the very encoder that `info` is of.

    It is looked for under the name that it was given and under its full spec, so that it
    is found where files lie elsewhere than they did, as long as ``ARTSIM_WEIGHTS`` says
    where.

    Raises
    ------
    EncoderMismatchError
        If what has that name makes other vectors; naming both.
    EncoderError
        If nothing has it.
    """
    from artsim.encoders.registry import resolve  # which imports the families, and they this

    failure: EncoderError | None = None
    others: list[str] = []
    for spec in dict.fromkeys((info.spec, info.name)):
        try:
            plan = resolve(spec, weights=weights, settings=settings)
        except EncoderError as error:
            failure = failure or error
            continue
        if plan.vector_name == info.vector_name:
            return plan
        others.append(plan.vector_name)
    if others:
        raise EncoderMismatchError(
            f"vectors {info.vector_name!r} of the encoder {info.name!r} are needed, and it now "
            f"makes {others[0]!r}: give the weights that were used then, by ARTSIM_WEIGHTS "
            "or as a file, or train again",
            hint="--weights FILE",
        )
    raise EncoderError(
        f"the encoder {info.name!r}, which made the vectors {info.vector_name!r}, is not to be "
        f"had: {failure}"
    ) from failure
