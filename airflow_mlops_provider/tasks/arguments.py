"""Arguments of operators that stand for a job's keys, also under the names that the keys had in earlier versions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_mlops_provider.records.requests.request import JobRequest, with_current_names

if TYPE_CHECKING:
    from airflow.sdk.bases.operator import BaseOperatorMeta
else:
    BaseOperatorMeta = type(BaseOperator)

_OF_AIRFLOW = frozenset(inspect.signature(BaseOperator.__init__).parameters)
"""What every operator takes: ``params`` was a key of the training job and means something else here."""


class RequestMeta(BaseOperatorMeta):
    """The class of operators that build a request: they take its keys under former names too, with a warning.

    Airflow looks for missing arguments before a constructor runs, so the names are replaced before that.
    """

    request_type: type[JobRequest]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an operator."""
        return super().__call__(*args, **self.with_current_names(kwargs))

    def with_current_names(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``arguments`` with former names replaced; raises ``BadInputError`` when one is given under both names."""
        if not hasattr(self, "request_type"):
            return dict(arguments)
        return with_current_names(
            self.request_type, arguments, where=self.__name__, stacklevel=4, except_for=_OF_AIRFLOW
        )
