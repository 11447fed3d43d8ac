"""The page on databases lists the rules that a database counts, and no others."""

from __future__ import annotations

import re

from airflow_mlops_provider.analysis.validation.pushdown.rules import PUSHED, PUSHED_TABLE_RULES, WHEN
from tests.builders.pushdown import PUSHED as AGREED
from tests.docs.pages import DOCS, Page


def test_the_page_lists_what_is_pushed_down():
    text = Page(DOCS / "how-to" / "databases.md").text
    table = text.partition("<!-- pushed down -->")[2].partition("<!-- end of pushed down -->")[0]
    listed = re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    assert listed == [(name, WHEN.get(name, "always")) for name in (*PUSHED, *PUSHED_TABLE_RULES)]


def test_every_rule_of_the_list_is_held_by_the_agreement_test():
    assert {*PUSHED, *PUSHED_TABLE_RULES} <= {kind for kind, _ in AGREED}
