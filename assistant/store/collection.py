"""A generation as a collection on a Chroma server: filled, verified, and described."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.progress import Progress
from assistant.store.chroma import refuse_foreign
from assistant.store.copy import Row, read_rows
from assistant.store.soundness import SAME
from assistant.types import Skipped

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.types import Collection as Model

PAGE = 300
"""Rows to a call: far fewer than fill the deadline."""
IDS = 5_000
"""Ids alone to a call: a page costs Chroma more the further on it is, so there are few."""

_FLUSHES = 20  # times that the server writes the whole graph anew while it is built
_MOST = 10_000_000  # passages; a manifest that claims more is not believed
_SKIPPED = 100  # files that were left out, of which a manifest tells
_PROBES = 256  # rows that are looked for before a generation is published
_FOUND = 0.1  # of the probes, as in graph.py: that they are stored is looked at by itself


def create(api: "FastAPI", name: str, base: str | None, total: int) -> "Collection":
    """A new collection for so many rows, to replace the generation `base`."""
    flush = max(1_000, total // _FLUSHES)
    model = api.create_collection(
        name,
        configuration={"hnsw": {"space": "cosine", "sync_threshold": flush}},
        metadata={"replaces": base or ""},
    )
    return sound(api, model, name)


def sound(api: "FastAPI", model: "Model", name: str) -> "Collection":
    """A collection that is safe to use: what another's configuration names would run.

    Raises `IndexDamaged` where it names an embedding function.
    """
    from chromadb.api.models.Collection import Collection

    collection = Collection(api, model, embedding_function=None)
    if model.name != name:
        raise ValueError("it gave another collection than was asked for")
    refuse_foreign(collection, Path(name))
    return collection


def upload(collection: "Collection", folder: Path, total: int, progress: Progress) -> str:
    """Add all rows of a draft, and look whether they are there; the digest of their ids.

    Raises `ValueError` where they are not.
    """
    digest, done, probes = sha256(), 0, list[Row]()
    for rows in read_rows(folder, PAGE):
        progress("Publishing", done, total)
        collection.add(
            ids=[row.id for row in rows],
            embeddings=[row.vector for row in rows],
            metadatas=[row.fields for row in rows],
        )
        digest.update("".join(row.id for row in rows).encode())
        probes += rows[:: total // _PROBES + 1]
        done += len(rows)
    progress("Publishing", total, total)
    if not collection.count() == done == total or not _holds(collection, probes):
        raise ValueError("it does not hold what it was given")
    return digest.hexdigest()


def described(manifest: Mapping[str, Any], digest: str, base: str | None) -> dict[str, Any]:
    """A manifest as a collection's metadata; there, it says "complete"."""
    return {
        "recipe": json.dumps(manifest["recipe"]),
        "documents": manifest["documents"],
        "passages": manifest["passages"],
        "digest": digest,
        "skipped": json.dumps(manifest["skipped"][:_SKIPPED]),
        "replaces": base or "",
    }


def read_manifest(collection: "Collection") -> dict[str, Any]:
    """The manifest that a collection carries; raises `ValueError` where it is not true."""
    fields = collection.metadata or {}
    if "recipe" not in fields or not collection.count() == fields["passages"] <= _MOST:
        raise ValueError(f"{collection.name} is unfinished, or was changed")
    recipe = dict(json.loads(fields["recipe"]))
    if not all(isinstance(each, int) or each.isprintable() for each in recipe.values()):
        raise ValueError(f"{collection.name} has no recipe of ours")
    return {
        **fields,
        "recipe": recipe | {"format": int(recipe["format"])},
        "skipped": [Skipped(str(name), str(why)) for name, why in json.loads(fields["skipped"])],
    }


def _holds(collection: "Collection", probes: Sequence[Row]) -> bool:
    """Whether rows are stored as they are, and a search by their vectors leads to them."""
    found = 0
    for start in range(0, len(probes), PAGE // 10):
        rows = {row.id: row for row in probes[start : start + PAGE // 10]}
        stored = collection.get(ids=list(rows), include=["embeddings", "metadatas"])
        for name, vector, fields in zip(
            stored["ids"], np.asarray(stored["embeddings"]), stored["metadatas"] or [], strict=True
        ):
            row = rows.pop(name)
            if fields != row.fields or not np.allclose(vector, row.vector, atol=SAME):
                return False
            near = collection.query(query_embeddings=vector, n_results=1, include=["distances"])
            found += (near["distances"] or [[2.0]])[0][0] < SAME
        if rows:
            return False
    return found >= _FOUND * len(probes)
