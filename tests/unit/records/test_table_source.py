"""A table as a dataset's URI: one spelling, read back as it was meant, or refused by its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.database_address import address_variable
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.short_forms import dataset_ref
from airflow_mlops_provider.records.table_source import TableSource, table_source

SQL = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
NAMES = st.text("abcXYZ019_-. äß/?&=%", min_size=1).filter(str.strip)


@given(conn_id=NAMES, where=st.none() | SQL, query=SQL, key=st.lists(NAMES, unique=True))
def test_a_source_is_what_its_uri_says(conn_id, where, query, key):
    for origin in ({"query": query}, {"table": 'public."Order Items"'}):
        source = TableSource(conn_id=conn_id, where=where, key=tuple(key), **origin)
        assert table_source(source.uri) == source


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ("sql://shop/public.orders", "sql://shop/public.orders"),
        ("sql://shop/orders?where=day = '2026-01-01'", "sql://shop/orders?where=day%20=%20'2026-01-01'"),
        ("sql://shop/orders?where=a%3C1%20AND%20b%25c&key=id&key=no", "sql://shop/orders?where=a<1%20AND%20b%25c&key=id&key=no"),
        ({"conn_id": "shop", "table": "orders", "key": "id"}, "sql://shop/orders?key=id"),
        ({"conn_id": "shop", "query": "SELECT 1", "where": None, "key": ["a", "b"]}, "sql://shop?query=SELECT%201&key=a&key=b"),
    ],
)  # fmt: skip
def test_a_dataset_has_one_spelling_however_it_is_given(given, uri):
    assert dataset_ref(given) == DatasetRef(uri=uri)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("sql://shop", "give one of 'table' and 'query'"),
        ("sql:///orders", "key 'conn_id' is empty"),
        ("sql://shop/orders; DROP TABLE orders", "key 'table' is 'orders; DROP TABLE orders', which is no name"),
        ("sql://shop/orders?wher=x", "'wher' is no key of a table"),
        ("sql://shop/orders?where=a&where=b", "'where' is given twice"),
        ("sql://shop/orders?where=name LIKE '%20'", "can be read in two ways"),
        ("sql://shop/orders?where=%ff", "its percent-encoding is not UTF-8"),
        ("sql://shop/orders?where=", "key 'where' is '', which is no SQL"),
        ({"conn_id": "shop", "table": "a", "query": "b"}, "give one of 'table' and 'query'"),
        ({"conn_id": "shop", "table": "a", "uri": "b.parquet"}, "give 'uri' or 'conn_id', 'table', not both"),
        ({"conn_id": "shop", "table": "a", "key": ["id", "id"]}, "must name each column once"),
        ({"conn_id": "shop", "table": "a", "key": 3}, "must be the name of a column or a list of them"),
        ({"conn_id": "shop", "table": 3}, "key 'table' must be a text"),
        ({"table": "a"}, "key 'conn_id' is empty"),
        ({"conn_id": "shop", "table": "a", "limit": 3}, "limit"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_by_its_key(given, problem):
    with pytest.raises(BadInputError, match=problem.replace("(", r"\(")):
        dataset_ref(given)


def test_a_reference_of_before_has_the_json_of_before():
    assert "identified_by" not in str(dataset_ref({"uri": "a.parquet"}).uri)
    assert address_variable("shop-eu") == "MLOPS_DATABASE_SHOP_EU"
