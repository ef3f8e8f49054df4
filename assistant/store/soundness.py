"""Whether a generation holds what it should: asked before it is published, and by `verify`."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.store.generation import CHROMA, Generation

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

# Distance at which a vector counts as found again; float32 noise is about 1e-6.
SAME = 1e-3
_BATCH = 5_000  # of 5,461 that Chroma takes at once
_LOST = {
    "passages of no document": "SELECT count(*) FROM passages WHERE source NOT IN "
    "(SELECT source FROM documents)",
    "passages that are not searched by words": "SELECT count(*) FROM passages WHERE number NOT IN "
    "(SELECT rowid FROM words)",
}


def problems(generation: Generation) -> list[str]:
    """What is wrong with a generation whose passages are as they were written."""
    found = [f"{name} is not as it was written" for name in generation.changed(CHROMA)]
    with closing(sqlite3.connect("")) as db:  # a copy: the lexical index can only check itself so
        try:
            generation.copy_passages(db)
            found += _inside(db)
            if counts(db) != {key: generation.manifest.get(key) for key in counts(db)}:
                found.append("passages.sqlite does not hold what the manifest says")
            if generation.is_searched_here and not found:
                found += _vectors(generation, db)
        except sqlite3.DatabaseError as error:
            found.append(f"passages.sqlite: {error}")
    return found


def counts(db: sqlite3.Connection) -> dict[str, Any]:
    """What the manifest says of the passages: how many, and a digest of their ids."""
    digest, passages = sha256(), 0
    for (id_,) in db.execute("SELECT id FROM passages ORDER BY id"):
        digest.update(id_.encode())
        passages += 1
    (documents,) = db.execute("SELECT count(*) FROM documents").fetchone()
    (vectors,) = db.execute("SELECT count(*) FROM vectors").fetchone()
    (unembedded,) = db.execute(
        "SELECT count(DISTINCT key) FROM passages WHERE key NOT IN (SELECT key FROM vectors)"
    ).fetchone()
    return {
        "documents": documents,
        "passages": passages,
        "vectors": vectors,
        "unembedded": unembedded,
        "digest": digest.hexdigest(),
    }


def refuse_unsound_words(db: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` where the lexical index is not that of its passages."""
    db.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def holds(collection: "Collection", db: sqlite3.Connection, keys: Sequence[str]) -> bool:
    """Whether Chroma holds the stored vectors of these keys."""
    return all(_are_stored(collection, db, batch) for batch in batches(sorted(keys)))


def batches(keys: list[str]) -> Iterator[list[str]]:
    """As many at once as Chroma takes."""
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))


def vectors_of(db: sqlite3.Connection, keys: Sequence[str]) -> Any:  # noqa: ANN401 (an array)
    """The stored vectors of these keys, one in each row."""
    query = "SELECT vector FROM vectors WHERE key = ?"
    blobs = [db.execute(query, (key,)).fetchone()[0] for key in keys]
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(keys), -1)


def _are_stored(collection: "Collection", db: sqlite3.Connection, keys: list[str]) -> bool:
    found = collection.get(ids=keys, include=["embeddings"])
    if sorted(found["ids"]) != keys:
        return False
    vectors = np.asarray(found["embeddings"])[np.argsort(found["ids"])]
    return np.allclose(vectors, vectors_of(db, keys), atol=SAME)


def _inside(db: sqlite3.Connection) -> list[str]:
    verdicts = [verdict for (verdict,) in db.execute("PRAGMA integrity_check(9)")]
    found = [f"passages.sqlite: {verdict}" for verdict in verdicts if verdict != "ok"]
    refuse_unsound_words(db)
    for what, query in _LOST.items():
        (lost,) = db.execute(query).fetchone()
        found += [f"passages.sqlite: {lost} {what}"] if lost else []
    return found


def _vectors(generation: Generation, db: sqlite3.Connection) -> list[str]:
    """What Chroma's part holds, against the vectors stored with the passages."""
    if generation.collection is None:
        return ["Chroma cannot open its part, in which it must write; it is not searched"]
    keys = [key for (key,) in db.execute("SELECT key FROM vectors")]
    if holds(generation.collection, db, keys) and generation.collection.count() == len(keys):
        return []
    return ["Chroma does not hold the vectors that it should"]
