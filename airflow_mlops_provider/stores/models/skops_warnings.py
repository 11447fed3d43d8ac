"""Warnings that skops causes in modules which have nothing to do with the model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_about_airflow() -> Iterator[None]:
    """Keep Airflow's warnings about its own former names out of the log while skops is imported and used.

    When it is imported, skops asks every loaded module for each of SciPy's functions, and those of Airflow's modules
    that keep former names warn each time they are asked: more than a thousand lines in the log of one training.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"The .airflow\.\S+ (attribute )?is deprecated")
        yield
