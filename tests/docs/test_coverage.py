"""What is public is documented: operators, jobs, policies, extras and configuration."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import tomllib

import pytest

from airflow_mlops_provider import jobs, operators
from airflow_mlops_provider.provider_info import get_provider_info
from docs import tables
from tests.docs.pages import DOCS, REPOSITORY, Page, all_pages

HOW_TO = [page for page in all_pages() if page.path.parent == DOCS / "how-to"]
JOBS_PAGE = Page(DOCS / "reference" / "jobs.md")
POLICIES_PAGE = Page(DOCS / "reference" / "policies.md")


def _operators() -> list[str]:
    from airflow.sdk import BaseOperator

    names = [f"airflow_mlops_provider.operators.{found.name}" for found in pkgutil.iter_modules(operators.__path__)]
    kinds = [
        kind
        for name in [*names, "airflow_mlops_provider.sensors.drift"]
        for kind in vars(importlib.import_module(name)).values()
        if inspect.isclass(kind) and issubclass(kind, BaseOperator) and kind.__module__ == name
    ]
    return [kind.__name__ for kind in kinds if kind.__name__ != "JobOperator"]


@pytest.mark.parametrize("operator", [*_operators(), "MLOpsSlackNotifier"])
def test_every_operator_is_shown_at_work_in_a_how_to(operator):
    shown = [p.name for p in HOW_TO for block in p.blocks if block.language == "python" and operator in block.text]
    assert shown, f"no page of docs/how-to has Python that uses {operator}"


@pytest.mark.parametrize("name", jobs.JOBS)
def test_every_job_has_a_spec_that_the_job_accepts(name):
    section = JOBS_PAGE.section(f"`{name}`")
    examples = re.findall(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert examples, f"docs/reference/jobs.md shows no spec of {name}"
    for example in examples:
        jobs.job_class(name).from_spec(json.loads(example))


def test_the_tables_of_keys_say_what_the_code_says():
    assert tables.marked(JOBS_PAGE.text) == set(jobs.JOBS)
    assert tables.marked(POLICIES_PAGE.text) == set(tables.policies())
    for page in (JOBS_PAGE, POLICIES_PAGE):
        assert tables.refreshed(page.text) == page.text, f"{page.name} is not up to date: run make docs"


def test_every_extra_and_every_option_is_in_the_install_page():
    page = Page(DOCS / "how-to" / "install.md")
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert _first_cells(page.section("Extras")) == set(extras)
    options = get_provider_info()["config"]["mlops"]["options"]
    assert _first_cells(page.section("Configuration")) == set(options)


def _first_cells(section: str) -> set[str]:
    """What stands as code in the first column of the tables in ``section``."""
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
