"""What errors of Spark mean, told by the classes that pyspark raises; where no session is, nothing is read."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.stores.datasets.spark.session import current_session, telling_spark, within_session


def error_of_spark(name: str, text: str) -> Exception:
    kind = type(name, (Exception,), {"__module__": "pyspark.errors.exceptions.captured"})
    return kind(text)


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (error_of_spark("AnalysisException", "[TABLE_NOT_FOUND] no `x`\n  at org.apache"), BadInputError, "no `x`$"),
        (error_of_spark("SparkConnectGrpcException", "UNAVAILABLE: connection refused"), BackendError, "UNAVAILABLE"),
        (
            error_of_spark(
                "PythonException", "Job aborted\nTraceback\nModuleNotFoundError: No module named 'duckdb'\n at x"
            ),
            BackendError,
            "No module named 'duckdb'$",
        ),
    ],
)
def test_a_wrong_name_is_told_from_a_spark_that_cannot_go_on(error, expected, said):
    with (
        pytest.raises(expected, match=rf"orders cannot be read: .*{said}") as told,
        telling_spark("orders cannot be read"),
    ):
        raise error
    assert type(told.value) is expected
    assert "\n" not in str(told.value)


def test_a_fault_stays_a_fault():
    with pytest.raises(ZeroDivisionError), telling_spark("orders cannot be read"):
        _ = 1 / 0


def test_a_session_is_there_within_the_block_alone():
    session = object()
    with within_session(session):
        assert current_session() is session
    with pytest.raises(BadInputError, match="give the operator a SparkRunner"):
        current_session()
