"""``python -m airflow_mlops_provider.stores.evidence.exclusive_create ROOT``: whether a store can hold evidence.

Decisions are committed by creating a file that nobody else has created. Stores that speak S3 differ in this: some
ignore the condition, and some look and write in two steps, so that two writers at once both succeed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from threading import Barrier

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, MLOpsError
from airflow_mlops_provider.stores.evidence.files import EvidenceFiles
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

WRITERS = 8
ROUNDS = 10


def require_exclusive_create(root: str) -> None:
    """Let :data:`WRITERS` writers create one file at once, :data:`ROUNDS` times; what was written is removed again.

    :param root: path, ``file://`` URI or ``s3://bucket/prefix``.
    :raises BadInputError: when several succeeded, or a later one did.
    :raises BackendError: when the root cannot be reached or written.
    """
    files = EvidenceStore(root).files
    files.require_writable()
    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        for _ in range(ROUNDS):
            name, start = f"exclusive_create/{token_hex(16)}.json", Barrier(WRITERS)
            try:
                won = sum(pool.map(lambda _, name=name, start=start: _creates(files, name, start), range(WRITERS)))
                later = _creates(files, name)
            finally:
                files.remove(name)
            if won != 1 or later:
                found = "a later writer too" if won == 1 else f"{won} of {WRITERS} writers at once"
                raise BadInputError(
                    f"evidence root {root}: {found} created a file that only one may create; this store does not keep "
                    f"the condition 'If-None-Match: *', and evidence cannot lie there"
                )


def _creates(files: EvidenceFiles, name: str, start: Barrier | None = None) -> bool:
    if start is not None:
        start.wait()
    try:
        files.create(name, b"{}")
    except AlreadyExistsError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit status 0, 2 for a root that cannot hold evidence, 1 when it cannot be reached."""
    parser = argparse.ArgumentParser(prog="python -m airflow_mlops_provider.stores.evidence.exclusive_create")
    parser.add_argument("root", metavar="ROOT", help="evidence root: a path or s3://bucket/prefix")
    root = parser.parse_args(arguments).root
    try:
        require_exclusive_create(root)
    except MLOpsError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2 if isinstance(error, BadInputError) else 1
    print(f"{root}: of {WRITERS} writers at once one created the file, {ROUNDS} times out of {ROUNDS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
