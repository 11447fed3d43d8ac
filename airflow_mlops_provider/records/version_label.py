"""``name-v{major}.{minor}.{patch}-{experiment}``: what changed since the version before, told by the number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError

_EXPERIMENT = re.compile(r"[A-Za-z0-9_.]+")
_LABEL = re.compile(r"(?P<name>.+)-v(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)-(?P<experiment>[A-Za-z0-9_.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLabel:
    """The label of one model version.

    :param name: the model's registered name.
    :param major: counts changes of the schema: task, target, features or their types.
    :param minor: counts changes of the recipe since: trainer code, parameters, seed, split or search.
    :param patch: counts trainings of the same recipe since, on whatever data.
    :param experiment: letters, digits, ``_`` and ``.``; the start of the tracking run's id unless the job names one.
    :raises BadInputError: for another ``experiment``.
    """

    name: str
    major: int = 1
    minor: int = 0
    patch: int = 0
    experiment: str

    def __post_init__(self) -> None:
        # A label that cannot be read back would stand in the way of every later version.
        if not _EXPERIMENT.fullmatch(self.experiment):
            raise BadInputError(f"experiment {self.experiment!r} may hold letters, digits, '_' and '.' alone")

    def __str__(self) -> str:
        return f"{self.name}-v{self.major}.{self.minor}.{self.patch}-{self.experiment}"

    @classmethod
    def parse(cls, text: str) -> VersionLabel:
        """The label that ``text`` spells; raises ``BadInputError`` when it is none."""
        match = _LABEL.fullmatch(text)
        if not match:
            raise BadInputError(f"version label {text!r} is not name-vX.Y.Z-experiment")
        return cls(
            name=match["name"],
            major=int(match["major"]),
            minor=int(match["minor"]),
            patch=int(match["patch"]),
            experiment=match["experiment"],
        )

    def next(self, *, experiment: str, schema_changed: bool, recipe_changed: bool) -> VersionLabel:
        """The label of the version after this one.

        :param schema_changed: a new major number.
        :param recipe_changed: a new minor number, unless the schema changed too.
        """
        if schema_changed:
            numbers = (self.major + 1, 0, 0)
        elif recipe_changed:
            numbers = (self.major, self.minor + 1, 0)
        else:
            numbers = (self.major, self.minor, self.patch + 1)
        return VersionLabel(name=self.name, major=numbers[0], minor=numbers[1], patch=numbers[2], experiment=experiment)
