"""Check a batch of data against the rules of Great Expectations suites and data contracts, in one scan."""

from airflow_mlops_provider.analysis.validation.declared_types import declared_types
from airflow_mlops_provider.analysis.validation.failing_rows import REASONS, FailingRows, quarantine_schema
from airflow_mlops_provider.analysis.validation.measure import Measurement, Source, measure_validation
from airflow_mlops_provider.analysis.validation.result_format import great_expectations_json
from airflow_mlops_provider.analysis.validation.suites import rules_of_suite, suite_name

__all__ = [
    "REASONS",
    "FailingRows",
    "Measurement",
    "Source",
    "declared_types",
    "great_expectations_json",
    "measure_validation",
    "quarantine_schema",
    "rules_of_suite",
    "suite_name",
]
