"""The column that a pandas frame leaves in a file for its row labels, which is no column of the data."""

from __future__ import annotations

import re

_ROW_LABELS = re.compile(r"__index_level_\d+__")


def is_pandas_index(name: str) -> bool:
    """Whether pandas gave a column this name because the frame's index had none."""
    return _ROW_LABELS.fullmatch(name) is not None
