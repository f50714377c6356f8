"""Collections of points in Qdrant, embedded or served. Only here is Qdrant imported."""
