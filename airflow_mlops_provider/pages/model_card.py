"""A card as Markdown and as one HTML file without scripts or outside resources."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import one_line
from airflow_mlops_provider.pages.rendering import render
from airflow_mlops_provider.records.reports.model_card import CardSection, CardTable, ModelCardReport
from airflow_mlops_provider.records.verdict import Status


def to_markdown(card: ModelCardReport) -> str:
    """The card as GitHub-flavoured Markdown; text by people is copied as it is."""
    parts = [f"# Model card: {card.model.name} version {card.model.version}"]
    for section in card.sections:
        if section.is_filled:
            parts += [f"## {section.title}", *_markdown_section(section)]
    return "\n\n".join(parts) + "\n"


def _markdown_section(section: CardSection) -> list[str]:
    parts = [section.human.strip()] if section.human.strip() else []
    if section.lines:
        parts.append("\n".join(f"- {one_line(line)}" for line in section.lines))
    if section.code:
        parts.append(f"```json\n{section.code}\n```")
    return parts + [_markdown_table(table) for table in section.tables if table.rows]


def _markdown_table(table: CardTable) -> str:
    rows = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _cell(text: str) -> str:
    # A pipe or newline of a file name or category would break the table; a tag would be markup.
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")


def to_html(card: ModelCardReport) -> str:
    """The card as one self-contained HTML page; text by people is shown word for word, never as markup."""
    return render(
        "model_card.html",
        title=f"{card.model.name} version {card.model.version}",
        sections=[section for section in card.sections if section.is_filled],
        paragraphs=_paragraphs,
        status_of=_STATUSES.get,
        is_number=_is_number,
    )


def _paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


_STATUSES = {status.replace("_", " "): status for status in Status}
"""A cell that holds nothing but a status is shown as one."""
