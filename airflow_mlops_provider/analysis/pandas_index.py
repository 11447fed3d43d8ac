"""Recognise the column that pandas writes into a file for the row labels of a frame."""

from __future__ import annotations

import re

_ROW_LABELS = re.compile(r"__index_level_\d+__")


def is_pandas_index(name: str) -> bool:
    """Return whether ``name`` is the name that pandas gives to the column of an index without a name."""
    return _ROW_LABELS.fullmatch(name) is not None
