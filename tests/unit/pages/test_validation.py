from __future__ import annotations

import re

from tests.builders.report_pages import rule, validation_page


def test_broken_rules_stand_first_with_what_they_found() -> None:
    rows = re.findall(r'<th scope="row">([^<]*)</th>', validation_page())
    assert rows.index("hours") < rows.index("educ")
    assert "-40 to 4992; unexpected: -40 (12)" in validation_page()


def test_what_needs_attention_leaves_out_what_passed() -> None:
    listed = validation_page().partition('<ul class="attention">')[2].partition("</ul>")[0]
    assert "12 of 545 rows below 0" in listed
    assert "educ" not in listed


def test_a_share_is_a_bar_that_says_its_number_and_is_never_too_small_to_see() -> None:
    few = validation_page(results=(rule("expect_column_values_to_be_between", "hours", 1, considered=100_000),))
    assert '<div class="bar" role="img" aria-label="0.001 %" title="0.001 %"><i style="width:2.0%">' in few


def test_a_batch_without_quarantine_sensitive_columns_or_unchecked_rules_says_none_of_them() -> None:
    page = validation_page(quarantine=None, sensitive=(), unchecked=())
    assert "<dt>Quarantine</dt><dd>none</dd>" in page
    assert "Values left out for" not in page
    assert "Declared, but not checked here" not in page


def test_a_rule_that_could_not_be_evaluated_says_why() -> None:
    broken = rule("expect_column_to_exist", "age", 0, success=False, problem="column 'age' is missing")
    assert "column &#39;age&#39; is missing" in validation_page(results=(broken,))


def test_no_rows_of_a_refused_batch_are_called_clean() -> None:
    page = validation_page()
    assert 'class="badge fail"' in page
    clean = page.partition("<dt>Clean rows</dt><dd>")[2].partition("</dd>")[0]
    assert clean.startswith("none, because the batch is refused; ")
