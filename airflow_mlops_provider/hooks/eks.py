"""The kubeconfig of an Amazon EKS cluster, with credentials that are renewed before they end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from airflow_mlops_provider.exceptions import BackendError, one_line
from airflow_mlops_provider.hooks.aws import FRESH_SECONDS

_LONGEST = 600


class EksKubeconfig:
    """A file that Kubernetes' clients read, and one with credentials that it leads to; both go when they are forgotten.

    :param cluster: name of the cluster.
    :param aws_conn_id: Connection of type ``aws``; ``None`` means boto3's own search.
    :param region: AWS region; by default that of the Connection.
    :param clock: seconds.
    """

    def __init__(
        self,
        cluster: str,
        *,
        aws_conn_id: str | None,
        region: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cluster = cluster
        self.aws_conn_id = aws_conn_id
        self.region = region
        self._clock = clock
        self._files = ExitStack()
        self._fresh_until: float | None = None

    def __str__(self) -> str:
        return f"EKS cluster {self.cluster!r} (connection {self.aws_conn_id!r})"

    @property
    def is_fresh(self) -> bool:
        """Whether the files are there and their credentials hold: those of a role may end within the hour."""
        return self._fresh_until is not None and self._clock() < self._fresh_until

    def made(self) -> str:
        """Make both files anew; returns the path of the kubeconfig.

        :raises BackendError: when the provider ``amazon`` is not installed or too old, there is no such cluster, or
            there are no credentials.
        """
        self.forget()
        try:
            from airflow.providers.amazon.aws.hooks.eks import EksHook
        except ImportError as error:
            raise BackendError(f"{self} needs pip install 'airflow-mlops-provider[amazon]'") from error
        if not hasattr(EksHook, "generate_config_file_with_credentials"):
            raise BackendError(f"{self} needs apache-airflow-providers-amazon 9.39 or newer")
        eks = EksHook(aws_conn_id=self.aws_conn_id, region_name=self.region)
        try:
            config, _ = self._files.enter_context(
                eks.generate_config_file_with_credentials(eks_cluster_name=self.cluster, pod_namespace=None)
            )
        except Exception as error:  # botocore raises a family of its own, made at run time
            raise BackendError(f"{self}: {one_line(error, longest=_LONGEST)}") from error
        self._fresh_until = self._clock() + FRESH_SECONDS
        return config

    def forget(self) -> None:
        """Remove both files."""
        self._files.close()
        self._fresh_until = None
