"""The records of a CSV file are the rows that the parser sees."""

from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.csv
import pytest

from airflow_mlops_provider.stores.datasets.csv_records import records_of, with_field

FIELDS = ["", "1", 'x"y', '"q"', '"a,b"', '"a\nb"', '"a""b"', '""', '"\r\n"', '"x"y', ' "z"', '"""', "é", "00501", '"']
NAMES = ["a", "b"]


def parsed(data: bytes, names: list[str]) -> pa.Table | None:
    options = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    try:
        return pa.csv.read_csv(io.BytesIO(data), convert_options=options)
    except pa.ArrowInvalid:
        return None


def some_file(chance: random.Random) -> bytes:
    rows = [f"{chance.choice(FIELDS)},{chance.choice(FIELDS)}" for _ in range(chance.randint(0, 5))]
    text = "a,b\n" + "".join(row + chance.choice(["\n", "\r\n", "\r", "\n\n"]) for row in rows)
    text = text.rstrip("\r\n") if chance.random() < 0.3 else text
    return (b"\xef\xbb\xbf" if chance.random() < 0.1 else b"") + text.encode()


@pytest.mark.parametrize("seed", range(20))
def test_records_are_the_rows_that_the_parser_sees_and_take_one_more_field(seed: int) -> None:
    chance, seen = random.Random(seed), 0
    for data in (some_file(chance) for _ in range(100)):
        table = parsed(data, NAMES)
        if table is None:
            continue
        seen += 1
        records = list(records_of(io.BytesIO(data)))
        assert len(records) == table.num_rows + 1
        longer = parsed(b"".join(with_field(record, 'why, "so"') for record in records), NAMES)
        assert longer is not None
        assert longer.select(NAMES).equals(table)
        assert set(longer.column(2).to_pylist()) <= {'why, "so"'}
    assert seen > 20
