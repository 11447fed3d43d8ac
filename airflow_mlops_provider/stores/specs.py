"""Model declarations as YAML files; needs PyYAML alone, so that Dag files may read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import yaml

from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.model_spec import ModelSpec


def local_path(uri: str) -> Path:
    """The path behind a plain path or ``file://`` URI."""
    parsed = urlparse(uri)
    return Path(unquote(parsed.path)) if parsed.scheme == "file" else Path(uri)


def read_model_spec(source: str | Path | Mapping[str, Any] | ModelSpec) -> ModelSpec:
    """A model's declaration from a YAML file, or from a mapping of the same shape.

    :param source: path or ``file://`` URI of the YAML, an inline mapping, or a spec as it is.
    :raises BadInputError: on a missing file, broken YAML, or a wrong or unknown key, naming file and key.
    """
    if isinstance(source, ModelSpec):
        return source
    if isinstance(source, Mapping):
        return decode(ModelSpec, source, where="model")
    if urlparse(str(source)).scheme not in ("", "file"):
        raise BadInputError(f"model {source}: a model is declared in a file on this machine, beside its trainer")
    path = local_path(str(source))
    spec = decode(ModelSpec, _read_yaml(path), where=str(path))
    return spec if spec.root else replace(spec, root=str(path.resolve().parent))


class _RepeatedKeyError(yaml.YAMLError):
    pass


class _Loader(yaml.SafeLoader):
    """YAML as usual, where a key may stand once: PyYAML itself would silently take the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise _RepeatedKeyError(
                        f"key {key.value!r} is given twice, again in line {key.start_mark.line + 1}"
                    )
                seen.add(key.value)
        return node


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # it is a SafeLoader
    except _RepeatedKeyError as error:
        raise BadInputError(f"model file {path}: {error}") from error
    except OSError as error:
        raise BadInputError(f"model file {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadInputError(f"model file {path} is not YAML: {one_line(error)}") from error
