"""What others reported of the National Gallery's paintings, and why it compares or not.

References
----------
.. [1] PSY222/Painting_similarity_AI, ``readme.md`` (the figures), ``utils/evaluation.py``
   (how SSIM and RMSE are computed) and ``utils/retrieve.py`` (which hits).
.. [2] Atharva-Malode/HumanAI, ``task2/README.md`` (the figures), ``task2/eval.py`` and
   ``task2/utils/image_retrival.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from artsim.catalog.encoder_info import EncoderInfo
from artsim.config import Settings
from artsim.evaluation.report import Row

_OF_155: Final = (
    "published by Painting_similarity_AI: 155 paintings of the National Gallery of Art, "
    "30 of them queries"
)
_OF_500: Final = (
    "published by HumanAI (task2): SSIM of 0.2045 for both, 500 paintings of the National "
    "Gallery of Art, 50 of them queries"
)

PUBLISHED: Final = (
    Row(
        "published ResNet-50",
        {"ssim_own_range": 0.170127, "rmse_color": 0.277642},
        _OF_155,
        measured=False,
    ),
    Row(
        "published ResNet-50, face crop",
        {"ssim_own_range": 0.174401, "rmse_color": 0.277435},
        _OF_155,
        measured=False,
    ),
    Row(
        "published VGG16",
        {"ssim_own_range": 0.174376, "rmse_color": 0.260189},
        _OF_155,
        measured=False,
    ),
    Row(
        "published VGG16, face crop",
        {"ssim_own_range": 0.171231, "rmse_color": 0.261491},
        _OF_155,
        measured=False,
    ),
    Row("published ConvNeXt", {"ssim_gray": 0.2045}, _OF_500, measured=False),
    Row("published DINO", {"ssim_gray": 0.2045}, _OF_500, measured=False),
)
"""As printed in their readmes; after a search by face crops, too, whole pictures are compared."""

NOTES: Final = (
    "The published color figures are SSIM of the query's own range and RMSE "
    "(Painting_similarity_AI, utils/evaluation.py: 200 x 200, 7 x 7 windows, channels "
    "averaged); the program does not round to 8 bits, which moves neither mean by 0.001.",
    "They are still no like-for-like comparison: which 30 paintings were queries is not "
    "said; utils/retrieve.py takes 5 neighbors by default and drops the first, so that 4 hits "
    "count (-k 4); and it drops one row of the vectors but not of the names, so that a hit "
    "listed behind the query is scored by the picture listed before it. Done so with the "
    "encoders of artsim on the same 155, this takes 0.02 from SSIM and adds 0.02 to RMSE.",
    "The published gray figures (HumanAI, task2/eval.py) compare another 500 paintings at the "
    "query's own size instead of a square, found by dino_vits16 and convnext_base.",
)
"""What is and is not comparable, from the programs as their authors stored them."""

_COMPARED: Final = ("resnet50", "vgg16", "convnext", "dino")
"""Short names of the encoders whose kinds were published."""


def missing_rows(encoders: Mapping[str, EncoderInfo], settings: Settings) -> list[Row]:
    """Return a row for each published kind of encoder that the gallery has no vectors of.

    The row says whether the weights are here, where they were looked for, and what to do.
    """
    from artsim.encoders.registry import list_cards
    from artsim.encoders.weights import find_weights

    have = {info.name for info in encoders.values()} | {i.spec for i in encoders.values()}
    rows = []
    for card in list_cards(settings):
        if card.name not in _COMPARED or {card.name, card.spec} & have:
            continue
        ingest = f"artsim ingest SOURCE --encoder {card.name}"
        if card.weights_here:
            note = f"not measured: its weights are here, its vectors are not; add them: {ingest}"
        else:
            _, places = find_weights(card.stems, given=None, settings=settings)
            hub = [] if card.hub is None else [f"the hub's cache for {card.hub[0]}"]
            note = (
                f"not measured: no weights in {'; '.join([*places, *hub])}; with a connection "
                f"{ingest} fetches them, without one copy them into the folder that "
                "ARTSIM_WEIGHTS names"
            )
        rows.append(Row(card.name, {}, note, measured=False))
    return rows
