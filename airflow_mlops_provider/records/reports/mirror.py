"""What the mirror of a model in a SageMaker Model Package group looks like."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.refs import ModelRef


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredPackage:
    """A package whose approval was changed.

    :param number: the package's version in its group.
    :param model_version: the model's version in MLflow.
    :param was: the approval status before.
    """

    number: int
    model_version: str
    was: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorReport:
    """The facts of one mirroring.

    :param name: the model's registered name.
    :param group: the Model Package group.
    :param champion: the version in force by the record; ``None`` when none is.
    :param decision: number of the record that put it in force.
    :param package: the approved package of that version, by its version in the group.
    :param package_arn: its address.
    :param is_new: whether it was made just now.
    :param rejected: packages of other versions that were withdrawn just now.
    :param by_hand: packages whose approval somebody had changed since the record was mirrored last.
    :param strangers: approved packages of the group, by number, that are none of this mirror's.
    """

    name: str
    group: str
    champion: ModelRef | None
    decision: int | None = None
    package: int | None = None
    package_arn: str = ""
    is_new: bool = False
    rejected: tuple[MirroredPackage, ...] = ()
    by_hand: tuple[MirroredPackage, ...] = ()
    strangers: tuple[int, ...] = ()
