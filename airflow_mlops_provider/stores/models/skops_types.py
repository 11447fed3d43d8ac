"""Which types a stored model may contain, and skops asked for them in silence.

skops opens a file without running code of its own, and asks which types it may build. Types that neither skops nor this
list allows are refused by name, all at once.
"""

from __future__ import annotations

from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.stores.code.isolated import IsolatedCode
from airflow_mlops_provider.stores.models.own_code import in_code, type_in_code
from airflow_mlops_provider.stores.models.skops_warnings import silent_about_airflow

TRUSTED_TYPES = frozenset(
    {
        "builtins.object",
        "functools.partial",
        "numpy.dtype",
        "numpy.floating",
        "numpy.integer",
        "numpy.mean",
        "numpy.number",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        "sklearn.utils.validation.check_array",
    }
)
"""What an artifact may contain beyond the estimators that skops itself trusts: the compiled and private parts of
scikit-learn's own estimators and composites (found by fitting each of them). A model's ``trusted_types`` adds to this
list; what a stored file asks for never does."""

TRUSTED_MODULES = frozenset(
    {
        "sklearn.feature_selection._mutual_info",
        "sklearn.feature_selection._univariate_selection",
        "sklearn.metrics._classification",
        "sklearn.metrics._dist_metrics",
        "sklearn.metrics._ranking",
        "sklearn.metrics._regression",
        "sklearn.metrics._scorer",
        "sklearn.model_selection._split",
        "sklearn.neighbors._ball_tree",
        "sklearn.neighbors._kd_tree",
    }
)
"""Modules of scikit-learn that hold nothing but scores, splitters and search trees: pure functions of numbers."""


def save(estimator: Any) -> bytes:
    """``estimator`` as a skops file; raises whatever a foreign object's own state raises."""
    with silent_about_airflow():
        import skops.io

        data: bytes = skops.io.dumps(estimator)
    return data


def load(data: bytes, spec: ModelSpec, own: IsolatedCode | None = None) -> Any:
    """The estimator in a skops file.

    :param own: the code that was stored with it, whose classes and functions are used before any others of their names.
    :raises BadInputError: when it holds types that are not allowed, naming all of them.
    """
    trusted = trusted_in(data, spec)
    if own is not None:
        data, trusted = in_code(data, own), [type_in_code(name, own) for name in trusted]
    with silent_about_airflow():
        import skops.io

        return skops.io.loads(data, trusted=trusted)


def trusted_in(data: bytes, spec: ModelSpec) -> list[str]:
    """The allowed types among those in a skops file that skops does not trust by itself.

    :raises BadInputError: when one is not allowed, naming all of them.
    """
    with silent_about_airflow():
        import skops.io

        asked = sorted(skops.io.get_untrusted_types(data=data))
    unknown = [name for name in asked if not is_allowed(name, spec)]
    if unknown:
        raise BadInputError(
            f"model {spec.name} contains {', '.join(unknown)}, which "
            f"{'is' if len(unknown) == 1 else 'are'} not trusted; if you trust that code, "
            f"add {'it' if len(unknown) == 1 else 'them'} to trusted_types in the model's YAML"
        )
    return asked


def is_allowed(name: str, spec: ModelSpec) -> bool:
    """Whether a type or function, by its full name, may be part of a model."""
    return name in TRUSTED_TYPES or name.rpartition(".")[0] in TRUSTED_MODULES or name in spec.trusted_types
