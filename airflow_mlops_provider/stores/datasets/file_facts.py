"""What is known of files from an earlier run, so that a folder of many files is opened without reading each of them."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.evidence_name import profiles_of
from airflow_mlops_provider.stores.evidence.kept_blocks import KeptBlocks, to_merge
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

FORMAT = "airflow-mlops-provider file facts 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What the end of a Parquet file tells.

    :param schema: its columns and types.
    :param rows: number of rows.
    :param empty: flat columns without a value; ``None`` when nobody has looked.
    """

    schema: pa.Schema
    rows: int
    empty: frozenset[str] | None = None


def read_facts(store: EvidenceStore, uri: str) -> dict[str, FileFacts]:
    """What is kept of the files of a dataset, by the mark of each file.

    :param uri: of the dataset.
    """
    found: dict[str, FileFacts] = {}
    for data in _blocks(store, uri).read().values():
        with suppress(BadInputError):
            found |= _decoded(data)
    return found


def keep_facts(store: EvidenceStore, uri: str, facts: Mapping[str, FileFacts]) -> None:
    """Keep what is known of the files of a dataset; what is there already is not written again.

    :param uri: of the dataset.
    :param facts: mark of each file to what is known of it.
    """
    blocks, kept, known = _blocks(store, uri), {}, set[str]()
    for name, data in blocks.read().items():
        with suppress(BadInputError):
            kept[name] = {mark: fact for mark, fact in _decoded(data).items() if facts.get(mark) == fact}
            known |= kept[name].keys()
    left = {mark: fact for mark, fact in facts.items() if mark not in known}
    if not left:
        return
    sizes = {name: len(found) for name, found in kept.items()} | {"new": len(left)}
    merged = {name for names in to_merge(sizes) for name in names}
    for name in merged - {"new"}:
        left |= kept.pop(name)
    blocks.write(kept, [_encoded(schema, left) for schema in _schemas(left)])


def _blocks(store: EvidenceStore, uri: str) -> KeptBlocks:
    return KeptBlocks(store, f"{profiles_of(uri)}files")


def _schemas(facts: Mapping[str, FileFacts]) -> list[pa.Schema]:
    return list({fact.schema.serialize().to_pybytes(): fact.schema for fact in facts.values()}.values())


def _encoded(schema: pa.Schema, facts: Mapping[str, FileFacts]) -> bytes:
    files = {
        mark: [fact.rows, None if fact.empty is None else sorted(fact.empty)]
        for mark, fact in facts.items()
        if fact.schema.equals(schema)
    }
    text = base64.b64encode(schema.serialize().to_pybytes()).decode()
    return zlib.compress(json.dumps({"format": FORMAT, "schema": text, "files": files}, sort_keys=True).encode())


def _decoded(data: bytes) -> dict[str, FileFacts]:
    try:
        found = json.loads(zlib.decompress(data))
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found["schema"])))
        return {
            mark: FileFacts(schema=schema, rows=rows, empty=None if empty is None else frozenset(empty))
            for mark, (rows, empty) in found["files"].items()
            if found["format"] == FORMAT
        }
    except Exception as error:  # zlib, json and arrow each have errors of their own for damaged bytes
        raise BadInputError(f"what is kept of files is damaged: {type(error).__name__}") from error
