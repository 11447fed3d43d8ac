"""A source file finds its test by name: ``a/b.py`` has ``tests/unit/a/test_b.py``, or the table says what tests it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, TESTS, code_lines, sources

SHORT = 40
"""Lines of code that need no test file of their own."""

_BIAS = "unit/analysis/bias/test_bias.py"
_DRIFT = "unit/analysis/drift/test_measure.py"
_EVALUATION = "unit/analysis/test_evaluation.py"
_METRICS = "unit/analysis/evaluation/test_metrics.py"
_TRAINING = "unit/analysis/test_training.py"
_VALIDATE = "unit/jobs/data/test_validate.py"
_STORE = "unit/stores/models/test_store.py"
_PAGES = "unit/ui/test_pages.py"

COVERED_BY = {
    # Parts of one measure, which only mean something together: the test is of the whole.
    "analysis/bias/bins.py": _BIAS,
    "analysis/bias/columns.py": _BIAS,
    "analysis/bias/counts.py": _BIAS,
    "analysis/bias/discovery.py": _BIAS,
    "analysis/bias/permutation.py": _BIAS,
    "analysis/bias/report.py": _BIAS,
    "analysis/bias/roc_auc.py": _BIAS,
    "analysis/bias/rollup.py": _BIAS,
    "analysis/bias/significance.py": _BIAS,
    "analysis/drift/columns.py": _DRIFT,
    "analysis/drift/domain_classifier.py": _DRIFT,
    "analysis/drift/scan.py": _DRIFT,
    "analysis/drift/evidently_report.py": "unit/jobs/data/test_drift.py",
    "analysis/drift/window_counts.py": "unit/analysis/drift/test_window_calibration.py",
    "analysis/evaluation/comparison.py": _EVALUATION,
    "analysis/evaluation/latency.py": _EVALUATION,
    "analysis/evaluation/predictions.py": _EVALUATION,
    "analysis/evaluation/metric.py": _METRICS,
    "analysis/evaluation/classification_metrics.py": _METRICS,
    "analysis/evaluation/ranking_metrics.py": _METRICS,
    "analysis/evaluation/regression_metrics.py": _METRICS,
    "analysis/model_card/content.py": "unit/analysis/test_model_card.py",
    "analysis/training/cross_validation.py": _TRAINING,
    "analysis/training/data.py": _TRAINING,
    "analysis/training/fitting.py": _TRAINING,
    "analysis/training/folds.py": _TRAINING,
    "analysis/training/search.py": _TRAINING,
    # Steps of one scan of a batch: what a rule gives is seen where a batch is validated.
    "analysis/validation/backend_types.py": "unit/analysis/validation/test_type_names.py",
    "analysis/validation/batch.py": _VALIDATE,
    "analysis/validation/contract_operators.py": "unit/analysis/validation/test_contract_quality.py",
    "analysis/validation/expectation_arguments.py": "contract/bad_input/test_rules.py",
    "analysis/validation/measure.py": _VALIDATE,
    "analysis/validation/plan.py": _VALIDATE,
    "analysis/validation/result_format.py": "unit/analysis/validation/test_great_expectations_engine.py",
    "analysis/validation/row_checks.py": _VALIDATE,
    "analysis/validation/row_conditions.py": _VALIDATE,
    "analysis/validation/sample_rows.py": _VALIDATE,
    "analysis/validation/scan.py": _VALIDATE,
    "analysis/validation/sql_columns.py": "unit/analysis/validation/test_type_names.py",
    "analysis/validation/suites.py": "unit/analysis/validation/test_great_expectations_engine.py",
    # Messages and findings of a judgement, tested as that judgement gives them.
    "decisions/alerts.py": "unit/notifications/test_slack.py",
    "decisions/drift/findings.py": "unit/decisions/test_drift.py",
    "decisions/drift/judge.py": "unit/decisions/test_drift.py",
    "decisions/drift/named_rules.py": "unit/decisions/test_drift.py",
    "decisions/validation_messages.py": "unit/decisions/test_validation.py",
    # The command line and the jobs that need the whole of a workplace around them.
    "jobs/__init__.py": "contract/test_jobs_cli.py",
    "jobs/__main__.py": "contract/test_jobs_cli.py",
    "jobs/job.py": "unit/jobs/models/test_train.py",
    "jobs/data/profile.py": "unit/jobs/data/test_drift.py",
    "jobs/data/quarantine.py": _VALIDATE,
    "jobs/data/rules.py": _VALIDATE,
    "jobs/models/predictions.py": "unit/jobs/models/test_evaluate.py",
    # Parts of a page.
    "pages/charts/confusion.py": "unit/pages/test_training.py",
    "pages/charts/heatmap.py": "unit/pages/test_bias.py",
    "pages/charts/intervals.py": "unit/pages/test_bias.py",
    "pages/charts/theme.py": "unit/pages/test_palette.py",
    "provider_info.py": "contract/test_provider_info.py",
    # Records are encoded and decoded by one law over all of them.
    "records/model_spec.py": "contract/bad_input/test_specs.py",
    "records/policies/drift.py": "unit/decisions/test_drift.py",
    "records/requests/request.py": "contract/bad_input/test_specs.py",
    "records/requests/short_forms.py": "contract/bad_input/test_specs.py",
    "records/reports/drift.py": "unit/decisions/test_drift.py",
    "records/reports/evaluation.py": "unit/decisions/test_evaluation.py",
    "records/reports/training.py": "unit/decisions/test_training.py",
    "notifications/callback_context.py": "unit/notifications/test_slack.py",
    "operators/bias.py": "unit/operators/test_operators.py",
    "operators/decay.py": "unit/operators/test_operators.py",
    "operators/evaluation.py": "unit/operators/test_operators.py",
    "operators/validation.py": "unit/operators/test_operators.py",
    "operators/job.py": "unit/operators/test_operators.py",
    "runners/process_group.py": "unit/runners/test_external_python.py",
    "sensors/drift.py": "unit/sensors/test_drift_sensor.py",
    "stores/chains/aliases.py": "unit/jobs/decisions/test_promote.py",
    "stores/chains/retention.py": "unit/jobs/decisions/test_purge.py",
    "stores/datasets/files.py": "unit/stores/datasets/test_dataset.py",
    "stores/evidence/local_folder.py": "unit/stores/evidence/test_store.py",
    "stores/evidence/reindex.py": "unit/stores/evidence/test_index.py",
    "stores/evidence/s3.py": "unit/stores/evidence/test_store.py",
    "stores/models/artifact.py": _STORE,
    "stores/models/connection.py": _STORE,
    "stores/models/registry.py": _STORE,
    "stores/models/runs.py": _STORE,
    "stores/models/trainer.py": "unit/jobs/models/test_train.py",
    "tasks/lineage.py": "integration/test_writers.py",
    "ui/api.py": _PAGES,
    "ui/app.py": _PAGES,
    "ui/entries.py": "unit/ui/test_board.py",
    "ui/views.py": _PAGES,
}


def expected_place(source: Path) -> Path:
    """The test file that a reader would look for."""
    path = source.relative_to(PACKAGE)
    topic = path.parent if path.stem == "__init__" else path.with_suffix("")
    return TESTS / "unit" / topic.parent / f"test_{topic.name}.py"


@pytest.mark.parametrize(
    "source", [path for path in sources() if code_lines(path) > SHORT], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_source_file_finds_its_test_by_name_or_in_the_table(source: Path):
    listed = COVERED_BY.get(str(source.relative_to(PACKAGE)))
    place = TESTS / listed if listed else expected_place(source)
    assert place.is_file(), f"write {place.relative_to(TESTS)}, or list what tests it"


def test_the_table_names_files_that_are_there():
    assert [name for name in COVERED_BY if not (PACKAGE / name).is_file()] == []
