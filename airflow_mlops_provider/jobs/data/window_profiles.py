"""The profiles of windows, which the drift job calibrates on in place of the reference's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs.data.profile import read_profile
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.profile import SUFFIX
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.datasets.fingerprints import content_fingerprint
from airflow_mlops_provider.stores.datasets.profile_files import profile_uris
from airflow_mlops_provider.stores.local_files import place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowProfiles:
    """The windows by name, and what was read for them.

    :param profiles: name of each window to its profile.
    :param inputs: name of an input to its pinned reference, one for each that was asked for.
    """

    profiles: dict[str, ProfiledDataset]
    inputs: dict[str, DatasetRef]


def window_label(uri: str) -> str:
    """The name of the window whose profile lies at ``uri``: that of its file."""
    return PurePosixPath(uri).name.removesuffix(SUFFIX)


def read_windows(refs: Sequence[DatasetRef], current: DatasetRef) -> WindowProfiles:
    """Read the profiles of windows; that of the batch itself, which may lie among them, is left out.

    :param refs: profiles, folders or patterns of them.
    :param current: the batch that is judged.
    :raises BadInputError: when there is none, two have one name, or one is damaged.
    :raises IntegrityError: when a reference pins other content.
    """
    profiles: dict[str, ProfiledDataset] = {}
    inputs: dict[str, DatasetRef] = {}
    for number, ref in enumerate(refs):
        digests, rows = [], 0
        for uri in profile_uris(ref.uri):
            profile, pinned = read_profile(DatasetRef(uri=uri))
            digests.append(bytes.fromhex(str(pinned.fingerprint).removeprefix("sha256:")))
            rows += profile.rows
            if place_of(uri) != place_of(current.uri):
                _add(profiles, profile)
        inputs[f"windows_{number}"] = _pinned(ref, digests, rows)
    return WindowProfiles(profiles=profiles, inputs=inputs)


def _add(profiles: dict[str, ProfiledDataset], profile: ProfiledDataset) -> None:
    label = window_label(profile.uri)
    if label in profiles:
        raise BadInputError(
            f"key 'windows': {profiles[label].uri} and {profile.uri} are both called {label}; windows need names apart"
        )
    profiles[label] = profile


def _pinned(ref: DatasetRef, digests: Sequence[bytes], rows: int) -> DatasetRef:
    is_one = ref.uri.endswith(SUFFIX) and len(digests) == 1
    found = f"sha256:{digests[0].hex()}" if is_one else content_fingerprint(digests)
    if ref.fingerprint not in (None, found):
        raise IntegrityError(
            f"the windows {masked(ref.uri)} changed: their content is {found}, {ref.fingerprint} was expected"
        )
    return replace(ref, uri=masked(ref.uri), fingerprint=found, rows=rows)
