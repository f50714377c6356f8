"""The handcrafted image encoder: no download, no torch; an earlier default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.encoders.base import Prepared


class HandcraftedEncoder:
    """Composition, color and texture of a painting, by five handcrafted blocks.

    A picture is squashed to a square of 192 pixels and brought to Oklab, in which equal
    steps look equally large [1]_. Each block then says one thing of it:

    patches (192 numbers, 41 %)
        Color and touch. Patches of 4 x 4 pixels as they are [2]_, with the place they
        lie at [3]_, summed up as a Fisher vector: how they depart from a mixture of 64
        kinds of patches, in mean and in spread [4]_.
    strokes (192 numbers, 45 %)
        Drawing and brushwork. Gradients by orientation in windows of 4 x 4 cells, at
        three scales (dense SIFT [5]_, square-rooted [6]_), summed up as a Fisher vector
        over 32 kinds of windows.
    energies (64 numbers, 4 %)
        Texture and where it is. Gabor energies, the sum of the squared responses of the
        even and the odd filter, at 4 scales and 6 orientations as painter
        identification uses them [7]_, averaged over a grid of 4 x 4 cells [8]_.
    edges (64 numbers, 4 %)
        Composition in lines. Gradients by unsigned orientation over a grid of 4 x 4
        cells [9]_.
    layout (64 numbers, 6 %)
        Composition in color. Mean Oklab color over a grid of 8 x 8 cells.

    The percentages are shares of the squared length. Each block is centered on the mean
    of other paintings, turned to its principal axes and whitened by about a third [10]_, and
    scaled to length 1. Means, axes and mixtures were learned from pictures without their
    labels; they are a file of less than 1 MB, which ``benchmarks/fit_handcrafted.py``
    remakes. Blocks that were tried and left out, with what each is worth, are in
    ``docs/decisions/0002-built-in-encoder.md``.

    The same picture gives the same bits, whatever the batch and the threads. A picture
    of one color is described by its color alone, of any size; the vector is never zero.
    Differences smaller than about 1/192 of a side are not seen. No torch is needed.

    Its vectors keep the name that they had while it was the built-in one, ``builtin-v1``.

    References
    ----------
    .. [1] Ottosson (2020). A perceptual color space for image processing.
           https://bottosson.github.io/posts/oklab/
    .. [2] Coates, Lee & Ng (2011). An analysis of single-layer networks in unsupervised
           feature learning. AISTATS.
    .. [3] Sánchez, Perronnin & de Campos (2012). Modeling the spatial layout of images
           beyond spatial pyramids. Pattern Recognition Letters 33(16).
    .. [4] Perronnin, Sánchez & Mensink (2010). Improving the Fisher kernel for
           large-scale image classification. ECCV.
    .. [5] Lowe (2004). Distinctive image features from scale-invariant keypoints. IJCV
           60(2).
    .. [6] Arandjelović & Zisserman (2012). Three things everyone should know to improve
           object retrieval. CVPR.
    .. [7] Johnson, Hendriks, Berezhnoy, Brevdo, Hughes, Daubechies, Li, Postma & Wang
           (2008). Image processing for artist identification. IEEE Signal Processing
           Magazine 25(4).
    .. [8] Oliva & Torralba (2001). Modeling the shape of the scene: a holistic
           representation of the spatial envelope. IJCV 42(3).
    .. [9] Dalal & Triggs (2005). Histograms of oriented gradients for human detection.
           CVPR.
    .. [10] Jégou & Chum (2012). Negative evidences and co-occurences in image retrieval:
           the benefit of PCA and whitening. ECCV.
    """

    INFO: ClassVar[EncoderInfo] = EncoderInfo(
        name="handcrafted", spec="handcrafted", vector_name="builtin-v1", dim=576
    )

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        return self.INFO

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture's embedding, of shape (D,): all of the work is done here."""
        from artsim.encoders.handcrafted.constants import load_constants
        from artsim.encoders.handcrafted.embed import embed

        return embed(image, load_constants())

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Stack N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        return np.stack(batch)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])
