"""What the metrics rank exactly, a gallery's search ranks alike."""

import numpy as np

from artsim.evaluation.retrieval import nearest_neighbors
from artsim.search.options import SearchOptions
from artsim.search.queries import IdQuery
from artsim.search.similar import find_similar
from artsim.store.gallery import Gallery


def test_neighbors_of_every_painting(sample_gallery: Gallery) -> None:
    records = list(sample_gallery.paintings.scroll(with_vectors=["builtin-v1"]))
    ids = [str(record.payload["painting_id"]) for record in records]
    embeddings = np.stack([record.vectors["builtin-v1"] for record in records])
    expected = nearest_neighbors(embeddings, 10)
    for i, painting_id in enumerate(ids):
        hits = find_similar(sample_gallery, IdQuery(painting_id), options=SearchOptions(limit=10))
        assert [hit.painting_id for hit in hits.hits] == [ids[j] for j in expected[i]]
