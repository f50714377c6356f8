"""The ways of searching that are compared: each encoder, all fused, each re-ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from artsim.catalog.encoder_info import EncoderInfo, short_names
from artsim.errors import EvaluationError
from artsim.evaluation.works import Works
from artsim.search.answer import FUSION_DEPTH
from artsim.search.neighbors import ExactRanker, FusedRanker, Ranker, RerankedRanker
from artsim.search.question import SearchOptions
from artsim.search.rerank import PIXELS, RERANKERS

FUSED = "fused"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of searching: a row of the table.

    Attributes
    ----------
    name : str
        Of the row: ``builtin``, ``fused + ssim``.
    encoders : tuple of EncoderInfo
        Several are fused.
    rerank : {"ssim", "rmse"} or None
        By what the first hits are reordered.
    weight : float or None
        What that counts for beside the cosine; None is alone.
    """

    name: str
    encoders: tuple[EncoderInfo, ...]
    rerank: str | None = None
    weight: float | None = None

    def search_options(self, others: SearchOptions) -> SearchOptions:
        """Return the options of its searches; what it does not say is as in `others`."""
        return replace(others, rerank=self.rerank, rerank_weight=self.weight)

    @property
    def vector_names(self) -> list[str]:
        """Names of the vectors that it searches by."""
        return [info.vector_name for info in self.encoders]


def list_contenders(
    encoders: Sequence[EncoderInfo],
    rerank: Sequence[str],
    *,
    fused: bool,
    weights: Sequence[float] = (),
) -> list[Contender]:
    """Return each encoder, all of them fused if that is wanted, and each of these re-ranked.

    Encoders, not what is fused, are also re-ranked by the cosine plus each of `weights` times
    the second score.

    Raises
    ------
    EvaluationError
        If there is only one encoder to fuse.
    """
    if fused and len(encoders) < 2:
        raise EvaluationError(
            "fusing takes two encoders or more, and there is one; ingest with another",
            hint="artsim ingest SOURCE --encoder NAME",
        )
    plain = [
        Contender(name, (info,)) for name, info in zip(short_names(encoders), encoders, strict=True)
    ]
    if fused:
        plain.append(Contender(FUSED, tuple(encoders)))
    contenders = []
    for base in plain:
        contenders.append(base)
        alone = len(base.encoders) == 1
        for method in dict.fromkeys(rerank):
            contenders.append(Contender(f"{base.name} + {method}", base.encoders, method))
            contenders += [
                Contender(f"{base.name} + {weight:g} {method}", base.encoders, method, weight)
                for weight in dict.fromkeys(weights)
                if alone
            ]
    return contenders


@dataclass(slots=True)
class Rankers:
    """Rankers over some works, those of the encoders made once.

    Attributes
    ----------
    limit : int
        How many hits the searches that are evaluated ask for.
    rerank_depth : int
        How many first works are reordered.
    """

    works: Works
    limit: int
    rerank_depth: int
    _exact: dict[str, ExactRanker] = field(default_factory=dict)

    def of(self, contender: Contender) -> Ranker:
        """Return the ranker that ranks as a search by `contender` does."""
        each = [self.exact(name) for name in contender.vector_names]
        depth = self.limit if contender.rerank is None else max(self.limit, self.rerank_depth)
        ranker: Ranker = each[0] if len(each) == 1 else FusedRanker(each, depth)
        if contender.rerank is None:
            return ranker
        if self.works.pixels is None:
            raise ValueError("re-ranking needs works that were read with pixels")
        return RerankedRanker(
            ranker,
            RERANKERS[contender.rerank],
            {PIXELS: self.works.pixels},
            self.rerank_depth,
            weight=contender.weight,
        )

    def exact(self, vector_name: str) -> ExactRanker:
        """Return the ranker by one encoder's vectors."""
        if vector_name not in self._exact:
            self._exact[vector_name] = ExactRanker(self.works.vectors[vector_name])
        return self._exact[vector_name]

    @property
    def depths(self) -> tuple[int, ...]:
        """How deep the rankings by one encoder may be cut before they are put together."""
        deeper = max(self.limit, self.rerank_depth)
        return (self.limit, self.rerank_depth, deeper, max(deeper, FUSION_DEPTH), FUSION_DEPTH)

    @property
    def deepest(self) -> int:
        """The deepest of `depths`."""
        return max(self.depths)
