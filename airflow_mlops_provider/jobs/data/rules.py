"""Where rules come from: suites and contracts, inline or at a URI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml

from airflow_mlops_provider.analysis.validation import rules_of_suite, suite_name
from airflow_mlops_provider.analysis.validation.contracts import read_odcs
from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError, one_line
from airflow_mlops_provider.records.rules import Rule
from airflow_mlops_provider.stores.datasets.filesystems import filesystem
from airflow_mlops_provider.stores.evidence.packed import packed_bytes
from airflow_mlops_provider.stores.storage_errors import storage_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Rules with the name of what declares them.

    :param name: of the suite or contract.
    :param rules: in the order of declaration.
    :param sensitive: columns that the declaration classifies as sensitive.
    :param unchecked: what it also says and nothing here can check.
    """

    name: str
    rules: tuple[Rule, ...]
    sensitive: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def read_suite(suite: Any) -> Declared:
    """The rules of a Great Expectations suite.

    :param suite: the suite as JSON, or the path or URI of a JSON file.
    :raises BadInputError: naming the file, or the expectation that is wrong.
    """
    if isinstance(suite, str):
        uri, text = suite, _read_text(suite, "suite")
        try:
            suite = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"suite {uri} is not JSON: {error}") from error
        if not isinstance(suite, dict):
            raise BadInputError(f"suite {uri} must be a JSON object, not {type(suite).__name__}")
    rules = rules_of_suite(suite)
    return Declared(name=suite_name(suite), rules=rules)


def read_contract(contract: Any) -> Declared:
    """The rules of a data contract.

    :param contract: the contract as JSON, or the path or URI of a YAML file, with ``#object`` to name its object.
    :raises BadInputError: naming the file, or the key that is wrong.
    """
    wanted = None
    if isinstance(contract, str):
        uri, _, fragment = contract.partition("#")
        wanted = fragment or None
        try:
            contract = yaml.safe_load(_read_text(uri, "contract"))
        except (yaml.YAMLError, RecursionError) as error:
            raise BadInputError(f"contract {uri} is not YAML: {one_line(error)}") from error
        if not isinstance(contract, dict):
            raise BadInputError(f"contract {uri} must be a YAML mapping, not {type(contract).__name__}")
    found = read_odcs(contract, wanted=wanted)
    return Declared(name=found.name, rules=found.rules, sensitive=found.sensitive, unchecked=found.unchecked)


def _read_text(uri: str, role: str) -> str:
    try:
        return (packed_bytes(uri) or _read_bytes(uri)).decode("utf-8")
    except MLOpsError:
        raise
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInputError(f"{role} {uri}: no such file") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{role} {uri} is not UTF-8 text") from error
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{role} {uri} cannot be read: {storage_reason(error)}") from error


def _read_bytes(uri: str) -> bytes:
    fs, path = filesystem(uri)
    data: bytes = fs.cat_file(path)
    return data
