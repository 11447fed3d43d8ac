"""What evaluation and bias judge: the answers of a stored model, or columns of a table of predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.analysis.evaluation.latency import check_invariants
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.analysis.evaluation.predictions import from_model_output
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.evaluation import Invariant
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.models import ModelStore, Predictor
from airflow_mlops_provider.stores.models.predictor import scores_of

if TYPE_CHECKING:
    import pandas as pd


def read_rows(dataset: Dataset, columns: Iterable[str | None], *, role: str) -> pd.DataFrame:
    """The named columns of ``dataset``; names that are ``None`` or given twice do no harm.

    :param role: what to call the dataset in errors.
    :raises BadInputError: naming the first column that is not there, or the dataset when it has no rows.
    """
    wanted = list(dict.fromkeys(column for column in columns if column is not None))
    dataset.require(wanted, role=role)
    frame: pd.DataFrame = dataset.frame(wanted)
    if frame.empty:
        raise BadInputError(f"{role} {dataset.uri} has no rows")
    return frame


def groups_of(frame: pd.DataFrame, column: str | None) -> Any:
    """The group of each row as whole numbers, or ``None``; raises ``BadInputError`` when a row has none."""
    if column is None:
        return None
    codes, _ = frame[column].factorize()
    missing = int((codes < 0).sum())
    if missing:
        raise BadInputError(f"group column {column!r} has {missing:,} missing values of {len(frame):,} rows")
    return codes


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model answered.

    :param predictions: against the truth.
    :param invariants: what must hold of every answer, checked.
    """

    predictions: Predictions
    invariants: tuple[Invariant, ...]

    @property
    def are_numbers(self) -> bool:
        """Whether a metric can be computed: no answer is NaN or infinite or missing."""
        broken = {invariant.name for invariant in self.invariants if invariant.violations}
        return not broken & {"finite", "one_answer_a_row"}


@contextmanager
def naming(dataset: Dataset) -> Iterator[None]:
    """Put the place of ``dataset`` before a ``BadInputError`` that names only its column."""
    try:
        yield
    except BadInputError as error:
        if dataset.uri in str(error):
            raise
        raise BadInputError(f"{dataset.uri}: {error}") from error


def ask(predictor: Predictor, frame: pd.DataFrame, label: str) -> Answers:
    """Let a model answer every row of ``frame`` and hold the answers against column ``label``.

    :raises BadInputError: when a feature or label is missing, naming the columns.
    """
    task, classes = predictor.spec.task, predictor.classes or ()
    try:
        predicted, found = predictor.answers(frame)
        values = predictor.decision_values(frame) if task is Task.CLASSIFICATION else None
    except BadInputError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever the user's estimator raises
        from airflow_mlops_provider.analysis.training.fitting import estimator_error  # loads scikit-learn

        spec = predictor.spec
        features = frame[list(spec.features)]
        raise estimator_error(f"model {spec.name} cannot answer for these rows", error, features, spec) from None
    probabilities = found if task is Task.CLASSIFICATION else None
    scores = scores_of(probabilities) if values is None else values
    return Answers(
        predictions=from_model_output(
            task,
            frame[label],
            predicted,
            scores,
            classes,
            has_probabilities=values is None,
            is_sensitive=label in predictor.spec.sensitive,
        ).with_positive(predictor.spec.positive_class),
        # The probability of the second class alone sums to one by construction; the invariant needs both.
        invariants=check_invariants(task, len(frame), predicted, probabilities, classes),
    )


def require_measurable(metric: Metric, predictions: Predictions, *, label: str, model: str) -> None:
    """Raise ``BadInputError`` when ``metric`` cannot be computed from these predictions, naming the column or model."""
    if metric.of_scores and predictions.scores is None:
        raise BadInputError(
            f"metric {metric.name!r} needs scores, and {model} has neither predict_proba nor decision_function"
        )
    if metric.name == "roc_auc" and bool((predictions.truth == predictions.truth[0]).all()):
        raise BadInputError(f"column {label!r} has one class only: roc_auc needs both")
    if not metric.applies_to(predictions):
        raise BadInputError(f"metric {metric.name!r} cannot be computed from the answers of {model}")


def require_two_classes(predictions: Predictions, *, label: str) -> None:
    """Raise ``BadInputError`` when the truth holds one class only: no model is better than answering that one."""
    truth = predictions.truth
    if predictions.task is Task.CLASSIFICATION and bool((truth == truth[0]).all()):
        raise BadInputError(f"column {label!r} has one class only: no model can be told from a constant answer")


def trained_on(store: ModelStore, model: ModelRef, dataset: DatasetRef) -> bool:
    """Whether ``dataset`` is, by content, the one that ``model`` was trained on; ``False`` when nobody recorded it."""
    try:
        return store.run_dataset(model).fingerprint == dataset.fingerprint
    except BadInputError:
        return False
