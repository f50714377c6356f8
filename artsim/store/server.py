"""Galleries on a Qdrant server or cluster."""

from __future__ import annotations

import logging
import re
import warnings
from types import TracebackType
from typing import Final, Self

from qdrant_client import QdrantClient
from qdrant_client.qdrant_remote import QdrantRemote

from artsim.errors import CollectionNotFoundError, StoreError, listed, shortened
from artsim.store.checks import check_collection_name
from artsim.store.hnsw import HNSW
from artsim.store.protocol import CollectionSchema, ServerOptions
from artsim.store.server_calls import (
    ANSWER_TIME,
    MAX_ANSWER,
    PATIENCE,
    ServerCalls,
    bound_answers,
    check_address,
    exposes_key,
)
from artsim.store.server_collection import Asked, ServerCollection
from artsim.store.server_dialect import NOTES_KEY, to_hnsw, to_params

TIMEOUT: Final = 30.0
"""Seconds to wait for the next part of an answer."""

OLDEST: Final = (1, 16)
"""First version of the server that keeps notes with a collection."""

_log = logging.getLogger(__name__)


class ServerStore:
    """Collections on a server; any number of processes may use it at once.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://`` (TLS) and a host, with a port unless it is 6333.
    api_key : str, optional
        Sent with every request and shown nowhere. A warning is logged where it would
        cross a network unencrypted.
    timeout : float
        Seconds to wait for the next part of an answer.
    answer_time : float
        Seconds to wait for a whole answer.
    patience : float
        Seconds for which calls that fail in passing are tried again.

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
        address = check_address(url)
        if api_key is not None and exposes_key(address):
            _log.warning("the API key is sent to %s unencrypted; use https there", address)
        with warnings.catch_warnings():
            # Said by the line above, and only where it is true: the client warns of
            # localhost as well.
            warnings.filterwarnings("ignore", message="Api key is used with an insecure")
            client = QdrantClient(
                url=address,
                api_key=api_key,
                timeout=max(1, round(timeout)),
                # It would speak to the server from a thread, and warn from there.
                check_compatibility=False,
            )
        self._set_up(client, address, patience, answer_time)

    @classmethod
    def from_client(
        cls, client: QdrantClient, location: str, *, patience: float = PATIENCE
    ) -> Self:
        """Return a store that uses `client`, and names it `location` in messages.

        The client may be one in memory (``QdrantClient(":memory:")``).
        """
        store = cls.__new__(cls)
        store._set_up(client, location, patience)
        return store

    def _set_up(
        self,
        client: QdrantClient,
        location: str,
        patience: float,
        answer_time: float = ANSWER_TIME,
    ) -> None:
        remote = client._client if isinstance(client._client, QdrantRemote) else None
        self._client = client
        self._location = location
        self._in_memory = remote is None
        self._call = ServerCalls(
            location, patience, answer_time=answer_time, in_memory=self._in_memory
        )
        if remote is not None:
            http = remote.openapi_client.client._client
            bound_answers(http, self._call.deadline, MAX_ANSWER)
        self._asked: dict[str, Asked] = {}

    def __repr__(self) -> str:
        """Return the address, without the key."""
        return f"ServerStore({self._location!r})"

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @property
    def location(self) -> str:
        """The address, without a key."""
        return self._location

    def version(self) -> tuple[int, int]:
        """Return the server's major and minor version."""
        said = self._call("asking for the version", self._client.info).version
        found = re.match(r"(\d+)\.(\d+)", said)
        if found is None:
            raise StoreError(
                f"{self._location} calls its version {shortened(said)!r}; expected a number"
            )
        return int(found[1]), int(found[2])

    def check_version(self) -> None:
        """Raise StoreError if the server is too old to keep notes with a collection."""
        version = self.version()
        if version < OLDEST:
            raise StoreError(
                f"{self._location} runs Qdrant {version[0]}.{version[1]}; expected "
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
        if name not in self.list_collections():
            self.check_version()
            self._create(name, schema, options or ServerOptions())
        collection = self.open_collection(name)
        collection.adopt(schema)
        return collection

    def open_collection(self, name: str) -> ServerCollection:
        """Open an existing collection; see `Store`."""
        check_collection_name(name)
        asked = self._asked.setdefault(name, Asked()) if self._in_memory else None
        try:
            return ServerCollection(self._client, self._call, name, self, asked)
        except CollectionNotFoundError:
            known = listed(self.list_collections())
            raise CollectionNotFoundError(
                f"{self._location} has no collection {shortened(name)!r}; there is: {known}"
            ) from None

    def delete_collection(self, name: str) -> None:
        """Delete a collection with all its points; nothing happens if there is none."""
        check_collection_name(name)
        self._call("deleting a collection", self._client.delete_collection, name)
        self._asked.pop(name, None)

    def close(self) -> None:
        """Close the connections; calls that other threads make then fail."""
        self._call.close()
        self._client.close()

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
                on_disk_payload=True,
                metadata={NOTES_KEY: dict(schema.notes)},
            )
        except StoreError:
            # Another worker was faster, or the first answer was lost on the way.
            if name not in self.list_collections():
                raise
