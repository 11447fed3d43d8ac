from __future__ import annotations

from airflow_mlops_provider.pages.palette import palette
from airflow_mlops_provider.pages.rendering import STYLE


def test_every_colour_of_the_style_is_in_the_palette() -> None:
    assert len(palette()) == STYLE.read_text(encoding="utf-8").count("light-dark(")


def test_no_chart_colour_has_two_dark_twins() -> None:
    """A chart names its colours by the light one; the dark theme puts the twin in the place."""
    twins: dict[str, set[str]] = {}
    for name in ("surface", "line", "ink", "quiet", "link", "pass", "notice", "fail", "unsure"):
        twins.setdefault(palette()[name].light, set()).add(palette()[name].dark)
    assert all(len(dark) == 1 for dark in twins.values())


def test_the_sheet_pairs_every_colour_that_a_chart_of_the_page_may_use() -> None:
    sheet = STYLE.read_text(encoding="utf-8")
    for name in ("line", "ink", "quiet", "link", "pass", "notice", "fail", "unsure"):
        for what in ("fill", "stroke"):
            assert f'.chart [{what}="{palette()[name].light}"] {{ {what}: var(--{name}); }}' in sheet
