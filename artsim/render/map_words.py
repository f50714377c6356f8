"""What a map says about itself."""

from __future__ import annotations

from artsim.catalog.collection_map import METHOD_WORDS, CollectionMap, Faithfulness
from artsim.render.text import clean


def map_title(made: CollectionMap) -> str:
    """Return a heading: what is shown, and of which gallery."""
    of = f" of {clean(made.gallery, 60)}" if made.gallery else ""
    return f"{made.kind}{of}"


def map_subtitle(made: CollectionMap) -> str:
    """Return how the map was made, and its notes."""
    how = f"{METHOD_WORDS[made.method]} of the vectors of {clean(made.encoder, 80)}"
    return " · ".join((how, *made.notes))


def describe_faithfulness(found: Faithfulness | None) -> str:
    """Return in a sentence how far the nearness on a map can be trusted."""
    if found is None:
        return "Too few points to say how faithful the map is."
    sample = f", measured on {found.sample:,} points" if found.sample >= 2000 else ""
    return (
        f"Of the {found.k} nearest on the map, {found.kept:.0%} are among the {found.k} nearest "
        f"by the encoder (by chance {found.by_chance:.1%}); "
        f"trustworthiness {found.trustworthiness:.2f} of 1{sample}."
    )
