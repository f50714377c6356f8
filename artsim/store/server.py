"""Galleries on a Qdrant server or cluster."""

from __future__ import annotations

from typing import Final

from artsim.errors import CollectionNotFoundError, StoreError, listed, shortened
from artsim.store.hnsw import HNSW
from artsim.store.protocol import CollectionSchema, ServerOptions, Store, check_collection_name
from artsim.store.server_calls import ANSWER_TIME, PATIENCE, TIMEOUT, ServerCalls
from artsim.store.server_collection import ServerCollection
from artsim.store.server_dialect import NOTES_KEY, to_consistency, to_hnsw, to_params

OLDEST: Final = (1, 16)
"""First version of the server that keeps notes with a collection."""


class ServerStore(Store):
    """Collections on a server; any number of processes may use it at once.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://`` (TLS) and a host, with a port unless it is 6333; of several
        nodes of a cluster their addresses, separated by commas.
    api_key : str, optional
        Sent with every request and shown nowhere. A warning is logged where it would
        cross a network unencrypted.
    timeout, answer_time : float
        Seconds to wait for the next part of an answer, and for a whole one.
    patience : float
        Seconds for which calls that fail in passing are tried again; at most 20 until
        something is written.

    Raises
    ------
    ConfigError
        If `url` is no such address.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        answer_time: float = ANSWER_TIME,
        patience: float = PATIENCE,
    ) -> None:
        self._call = ServerCalls(url, api_key, timeout, answer_time, patience)
        self._client = self._call.client
        self._open: dict[str, ServerCollection] = {}

    def __repr__(self) -> str:
        """Return the address, without the key."""
        return f"ServerStore({self.location!r})"

    @property
    def location(self) -> str:
        """The address, without a key."""
        return self._call.location

    def hurry(self) -> None:
        """Wait no more for what may pass; see `Store`."""
        self._call.hurry()

    def expect_writing(self) -> None:
        """Wait longer for what may pass; see `Store`."""
        self._call.expect_writing()

    def check_version(self) -> None:
        """Raise StoreError if the server is too old to keep notes with a collection."""
        version = self._call.version()
        if version < OLDEST:
            raise StoreError(
                f"{self.location} runs Qdrant {version[0]}.{version[1]}; expected "
                f"{OLDEST[0]}.{OLDEST[1]} or newer: upgrade the server"
            )

    def list_collections(self) -> list[str]:
        """Return the names of all collections, sorted."""
        found = self._call("listing the collections", self._client.get_collections)
        return sorted(collection.name for collection in found.collections)

    def create_collection(
        self, name: str, schema: CollectionSchema, options: ServerOptions | None = None
    ) -> ServerCollection:
        """Create a collection, or bring the existing one up to `schema`; see `Store`."""
        check_collection_name(name)
        self.expect_writing()
        if name not in self.list_collections():
            self.check_version()
            self._create(name, schema, options or ServerOptions())
        self._open.pop(name, None)
        collection = self.open_collection(name)
        collection.check_writable()  # before any picture is encoded for nothing
        collection.adopt(schema)
        return collection

    def open_collection(self, name: str) -> ServerCollection:
        """Open an existing collection, of which a description is asked for once; see `Store`."""
        check_collection_name(name)
        opened = self._open.get(name)
        if opened is not None and not opened.is_stale:
            return opened
        try:
            self._open[name] = ServerCollection(self._call, name)
        except CollectionNotFoundError:
            known = listed(self.list_collections())
            raise CollectionNotFoundError(
                f"{self.location} has no collection {shortened(name)!r}; there is: {known}"
            ) from None
        return self._open[name]

    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""
        check_collection_name(name)
        self.expect_writing()
        self._call("deleting a collection", self._client.delete_collection, name)
        self._open.pop(name, None)

    def close(self) -> None:
        """Close the connections; calls that other threads make then fail."""
        self._call.close()

    def _create(self, name: str, schema: CollectionSchema, options: ServerOptions) -> None:
        """Create a collection; its payload indexes follow while it is still empty.

        Should that be cut short, the next `create_collection` adds what is missing.
        """
        try:
            self._call(
                "creating a collection",
                self._client.create_collection,
                name,
                vectors_config={n: to_params(s, options) for n, s in schema.vectors.items()},
                hnsw_config=to_hnsw(HNSW),
                shard_number=options.shards,
                replication_factor=options.replicas,
                write_consistency_factor=options.replicas and to_consistency(options.replicas),
                on_disk_payload=True,
                metadata={NOTES_KEY: dict(schema.notes)},
            )
        except StoreError:
            # Another worker was faster, or the first answer was lost on the way.
            if name not in self.list_collections():
                raise
