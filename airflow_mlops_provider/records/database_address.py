"""Where a database is: an address with its secrets, which a job finds in its environment and nowhere else."""

from __future__ import annotations

import re

_PREFIX = "MLOPS_DATABASE_"


def address_variable(conn_id: str) -> str:
    """The environment variable that holds the address of the database behind a Connection.

    >>> address_variable("shop.eu-1")
    'MLOPS_DATABASE_SHOP_EU_1'
    """
    return _PREFIX + re.sub(r"[^A-Z0-9]", "_", conn_id.upper())
