"""A source file finds its test by name: ``a/b.py`` has ``tests/unit/a/test_b.py``, or a table says what tests it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, TESTS, code_lines, sources

SHORT = 40
"""Lines of code that need no test file of their own."""

WINGS = {
    # Parts of one measure mean something only together: the test is of the whole.
    "analysis/bias": "unit/analysis/bias/test_bias.py",
    "analysis/drift": "unit/analysis/drift/test_measure.py",
    "analysis/evaluation": "unit/analysis/test_evaluation.py",
    "analysis/model_card": "unit/analysis/test_model_card.py",
    "analysis/training": "unit/analysis/test_training.py",
    "analysis/validation": "unit/jobs/data/test_validate.py",
    "analysis/validation/pushdown": "unit/jobs/data/test_pushdown.py",
    "decisions/drift": "unit/decisions/test_drift.py",
    # One test of the store holds on every place that it may lie in, of datasets in every format.
    "stores/chains": "unit/jobs/decisions/test_promote.py",
    "stores/datasets": "unit/stores/datasets/test_dataset.py",
    "stores/datasets/tables": "unit/stores/datasets/tables/test_table_dataset.py",
    "stores/evidence": "unit/stores/evidence/test_store.py",
    "stores/models": "unit/stores/models/test_store.py",
    # Charts are looked at on the pages that hold them.
    "pages/charts": "unit/pages/test_bias.py",
    # One law of encoding holds for all records; what is wrong in a request is refused by every job alike.
    "records/policies": "unit/records/test_codec.py",
    "records/reports": "unit/records/test_codec.py",
    "records/requests": "contract/bad_input/test_specs.py",
    # Only a Spark tells whether these do what they say.
    "stores/datasets/spark": "services/test_spark.py",
    # A handle means something only with its runner.
    "runners/processing_jobs": "unit/runners/test_sagemaker.py",
    # Operators do one thing with many jobs, and are tested by it.
    "operators": "unit/operators/test_operators.py",
    "ui": "unit/ui/test_pages.py",
    # A pod is made, watched and removed by one runner, and tested through it.
    "runners/pods": "unit/runners/test_kubernetes.py",
}
"""Folders whose parts are tested together: folder to the test of the whole."""

FILES = {
    "decisions/alerts.py": "unit/notifications/test_slack.py",
    "decisions/mirror.py": "unit/jobs/decisions/test_mirror.py",
    "decisions/validation_messages.py": "unit/decisions/test_validation.py",
    "jobs/__init__.py": "contract/test_jobs_cli.py",
    "jobs/__main__.py": "contract/test_jobs_cli.py",
    "jobs/job.py": "unit/jobs/models/test_train.py",
    "jobs/data/profile.py": "unit/jobs/data/test_drift.py",
    "jobs/data/quarantine.py": "unit/jobs/data/test_validate.py",
    "jobs/data/rules.py": "unit/jobs/data/test_validate.py",
    "jobs/data/spark_profile.py": "services/test_spark.py",
    "jobs/data/spark_validate.py": "services/test_spark.py",
    "jobs/models/predictions.py": "unit/jobs/models/test_evaluate.py",
    "notifications/callback_context.py": "unit/notifications/test_slack.py",
    "provider_info.py": "contract/test_provider_info.py",
    "records/csv_format.py": "unit/stores/datasets/test_csv_dataset.py",
    "records/model_spec.py": "unit/records/test_codec.py",
    "runners/process_group.py": "unit/runners/test_external_python.py",
    "sensors/drift.py": "unit/sensors/test_drift_sensor.py",
    "stores/model_packages.py": "unit/jobs/decisions/test_mirror.py",
    "tasks/lineage.py": "integration/test_writers.py",
}
"""Files that are tested where somebody uses them."""

LONG = [path for path in sources() if code_lines(path) > SHORT]


def place_of_test(source: Path) -> Path:
    """Where the test of ``source`` lies: under its own name first, then where the tables say."""
    path = source.relative_to(PACKAGE)
    topic = path.parent if path.stem == "__init__" else path.with_suffix("")
    own = TESTS / "unit" / topic.parent / f"test_{topic.name}.py"
    listed = FILES.get(str(path)) or WINGS.get(str(path.parent))
    return TESTS / listed if listed and not own.is_file() else own


@pytest.mark.parametrize("source", LONG, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_source_file_finds_its_test_by_name_or_in_the_tables(source: Path):
    place = place_of_test(source)
    assert place.is_file(), f"write {place.relative_to(TESTS)}, or say what tests {source.relative_to(PACKAGE)}"


def test_the_tables_name_what_is_there():
    assert [name for name in (*FILES, *WINGS) if not (PACKAGE / name).exists()] == []
