from __future__ import annotations

import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.stores.code.sources import LARGEST_CODE, code_of, is_of_the_environment, trainer_file
from airflow_mlops_provider.stores.models.trainer import load_trainer


def spec_of(root: Path, trainer: str = "own_trainer:build", **keys: object) -> ModelSpec:
    return ModelSpec(
        name="toy",
        task=Task.REGRESSION,
        target="y",
        features=("a",),
        metrics={"rmse": Direction.LOWER},
        trainer=trainer,
        root=str(root),
        **keys,
    )


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_lies_beside_travels_and_what_is_installed_does_not(tmp_path):
    root = write(tmp_path, own_trainer="import numpy, json, own_part, airflow_mlops_provider", own_part="", other="")
    assert sorted(code_of(spec_of(root))) == ["own_part.py", "own_trainer.py"]


def test_a_module_of_the_dags_folder_travels_under_the_name_that_it_is_imported_by(tmp_path, monkeypatch):
    root = write(
        tmp_path,
        dags__own_models__own_trainer="from own_models import own_part\ndef own_part_build(): ...",
        dags__own_models__own_part="",
    )
    monkeypatch.syspath_prepend(root / "dags")
    beside = root / "dags" / "own_models"
    assert sorted(code_of(spec_of(beside))) == ["own_models/own_part.py", "own_trainer.py"]
    from_above = spec_of(beside, "own_models.own_trainer:build")
    assert trainer_file(from_above) == beside / "own_trainer.py"
    assert load_trainer(replace(from_above, trainer="own_models.own_trainer:own_part_build")).path == trainer_file(
        from_above
    )


def test_a_package_in_site_packages_is_no_code_of_the_user(tmp_path, monkeypatch):
    root = write(tmp_path, site_packages="")
    installed = write(tmp_path / "site-packages", own_installed="")
    monkeypatch.syspath_prepend(installed)
    assert code_of(spec_of(root, "own_installed:build")) == {}
    assert trainer_file(spec_of(root, "own_installed:build")) is None


@pytest.mark.parametrize("place", [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")])
def test_python_and_its_packages_are_the_environment(place):
    assert is_of_the_environment(Path(place, "json"))
    assert not is_of_the_environment(Path(__file__).parent)
    assert place in sys.path or Path(place).is_dir()


@pytest.mark.parametrize(
    ("files", "told"),
    [(("none.txt",), "'none.txt', which is not there"), (("../secrets",), "does not lie beside the declaration")],
)
def test_files_that_cannot_travel_are_refused_by_name(tmp_path, files, told):
    with pytest.raises(BadInputError, match=told):
        code_of(spec_of(write(tmp_path, own_trainer=""), files=files))


def test_a_folder_travels_whole(tmp_path):
    (tmp_path / "words" / "__pycache__").mkdir(parents=True)
    for name in ("words/en.txt", "words/__pycache__/x.pyc"):
        (tmp_path / name).write_text("x")
    found = code_of(spec_of(write(tmp_path, own_trainer=""), files=("words",)))
    assert sorted(found) == ["own_trainer.py", "words/en.txt"]


def test_more_than_the_limit_is_refused_and_the_largest_file_named(tmp_path):
    (tmp_path / "weights.bin").write_bytes(bytes(LARGEST_CODE + 1))
    with pytest.raises(BadInputError, match=r"the largest file is weights.bin"):
        code_of(spec_of(write(tmp_path, own_trainer=""), files=("weights.bin",)))
