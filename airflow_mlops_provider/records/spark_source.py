"""A table of Spark as a dataset: ``spark:lake.orders``, or whatever else Spark takes in place of a table's name."""

from __future__ import annotations

SCHEME = "spark:"


def is_spark_uri(uri: str) -> bool:
    """Whether a dataset's URI names a table of Spark's catalogue.

    >>> is_spark_uri("spark:lake.orders")
    True
    """
    return uri.startswith(SCHEME)


def spark_table(uri: str) -> str:
    """The name of the table, as Spark takes it.

    >>> spark_table("spark:delta.`s3a://lake/orders`")
    'delta.`s3a://lake/orders`'
    """
    return uri.removeprefix(SCHEME)
