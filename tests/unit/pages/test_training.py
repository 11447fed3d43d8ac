from __future__ import annotations

import xml.etree.ElementTree as ET

from airflow_mlops_provider.pages.training import pictures_of
from tests.builders.report_pages import pictures, training_report

PICTURES = pictures()


def texts(picture: bytes) -> list[str]:
    return [found.text or "" for found in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_a_classification_has_four_pictures_that_are_svg() -> None:
    found = PICTURES
    assert sorted(found) == [
        "calibration_curve.svg",
        "confusion_matrix.svg",
        "permutation_importance.svg",
        "roc_curve.svg",
    ]
    for name, picture in found.items():
        assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg", name


def test_what_was_not_measured_has_no_picture() -> None:
    report = training_report(confusion=None, roc=None, calibration=None)
    assert list(pictures_of(report)) == ["permutation_importance.svg"]
    assert pictures_of(training_report(confusion=None, roc=None, calibration=None, importance=())) == {}


def test_a_matrix_says_every_count_and_its_share_of_the_class() -> None:
    said = texts(PICTURES["confusion_matrix.svg"])
    for text in ("700", "74 %", "1,475", "83 %", "predicted", "true"):
        assert text in said


def test_importance_says_every_feature_with_its_loss() -> None:
    said = texts(PICTURES["permutation_importance.svg"])
    assert "educ" in said
    assert "0.12 ± 0.02" in said
    assert "-0.001 ± 0.004" in said
