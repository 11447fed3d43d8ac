"""A stored version is asked its probe before anything is concluded from its answers.

An artifact holds what was learnt and the user's own code, but no library, and before 0.2.0 not that code either. With
other libraries the same bytes may answer otherwise, and no digest tells. The probe batch stored with the version does.
"""

from __future__ import annotations

from airflow_mlops_provider.exceptions import IntegrityError, MLOpsError, one_line
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.training import Symmetry
from airflow_mlops_provider.stores.models import ModelStore, Predictor

MAX_PROBE_DIFFERENCE = 1e-6
"""Largest difference at which answers count as the same: another build of the numerical libraries moves the last
digits. A rollback allows as much by default; scoring asks for less."""
_CAUSE = "its code or a library changed"


def load_version(store: ModelStore, ref: ModelRef) -> Predictor:
    """The version, ready to answer, after it answered its stored probe as at training.

    :raises IntegrityError: when it cannot be built, cannot answer the probe or answers it otherwise, naming it.
    :raises BadInputError: when it is a pickle or holds a type that is not allowed.
    """
    model = build_version(store, ref)
    found = ask_probe(model)
    if found is not None and not found.max_abs_difference <= MAX_PROBE_DIFFERENCE:
        raise IntegrityError(
            f"version {ref.version} of {ref.name} answers its stored probe otherwise than at training: {_CAUSE} "
            f"(largest difference {found.max_abs_difference:.3g} on {found.rows} rows)"
        )
    return model


def build_version(store: ModelStore, ref: ModelRef) -> Predictor:
    """The version, ready to answer; who calls this asks the probe with :func:`ask_probe` and judges what it finds.

    :raises IntegrityError: when its files are not those that were registered, or it cannot be built, naming it.
    :raises BadInputError: when it is a pickle or holds a type that is not allowed.
    """
    try:
        return store.load(ref)
    except MLOpsError:
        raise
    except Exception as error:  # whatever building a foreign class raises
        raise IntegrityError(
            f"version {ref.version} of {ref.name} cannot be loaded ({_said(error)}): {_CAUSE}"
        ) from error


def ask_probe(model: Predictor) -> Symmetry | None:
    """How far the version's answers are from those that it gave at training; ``None`` when it carries no probe.

    :raises IntegrityError: when it cannot answer, naming the version.
    """
    if model.probe is None:
        return None
    from airflow_mlops_provider.analysis.training.symmetry import measure_symmetry  # loads what a table needs not

    try:
        return measure_symmetry(model, model.probe.frame, model.probe.predictions, model.probe.scores)
    except Exception as error:  # whatever the user's estimator raises
        version = f"version {model.ref.version} of {model.ref.name}" if model.ref else f"model {model.spec.name}"
        raise IntegrityError(f"{version} cannot answer its stored probe ({_said(error)}): {_CAUSE}") from error


def _said(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}", longest=200)
