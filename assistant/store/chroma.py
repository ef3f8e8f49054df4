"""Chroma, given vectors only: a stored collection may name a function that text would run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assistant.errors import IndexDamaged

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

COLLECTION = "passages"


def open_chroma(folder: Path) -> "Client":
    """A client of the vectors in a folder; it keeps its own cache by path."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def refuse_foreign(collection: "Collection", folder: Path) -> None:
    """Refuse a collection that names an embedding function anywhere: adding to it runs its code."""
    model = collection.get_model()
    stored = json.dumps([model.configuration_json, model.get_serialized_schema()])
    if '"type": "known"' in stored:
        raise IndexDamaged(folder, "it names an embedding function, which none of ours does")
