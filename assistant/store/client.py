"""Chroma's client of a folder.

Importing this module imports chromadb. Collections are given vectors only: a stored one may name
an embedding function, which would run on any text.
"""

import json
from pathlib import Path
from typing import cast

import chromadb
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings

from assistant.errors import IndexDamaged

COLLECTION = "passages"


def open_local(folder: Path) -> Client:
    """A client of the vectors in a folder; it keeps its own cache by path."""
    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def refuse_foreign(collection: Collection, place: Path) -> None:
    """Raise `IndexDamaged` for a collection that names an embedding function anywhere.

    To add to it would run the function's code.
    """
    model = collection.get_model()
    stored = json.dumps([model.configuration_json, model.get_serialized_schema()])
    if '"type": "known"' in stored:
        raise IndexDamaged(place, "it names an embedding function, which none of ours does")
