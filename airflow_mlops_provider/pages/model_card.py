"""A card as Markdown and as one HTML file without scripts or outside resources."""

from __future__ import annotations

from html import escape

from airflow_mlops_provider.exceptions import one_line
from airflow_mlops_provider.records.reports.model_card import CardSection, CardTable, ModelCardReport


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
    """The card as one self-contained HTML page."""
    title = escape(f"{card.model.name} version {card.model.version}")
    filled = [section for section in card.sections if section.is_filled]
    links = "".join(f'<a href="#{escape(section.key)}">{escape(section.title)}</a>' for section in filled)
    body = "".join(_html_section(section) for section in filled)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Model card: {title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><header><p>Model card</p><h1>{title}</h1><nav>{links}</nav></header><main>{body}</main></body></html>"
    )


def _html_section(section: CardSection) -> str:
    human = "".join(
        f'<p class="human">{escape(paragraph.strip())}</p>'
        for paragraph in section.human.split("\n\n")
        if paragraph.strip()
    )
    lines = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
    code = f"<pre>{escape(section.code)}</pre>" if section.code else ""
    tables = "".join(_html_table(table) for table in section.tables if table.rows)
    return (
        f'<section id="{escape(section.key)}"><h2>{escape(section.title)}</h2>{human}'
        f"{f'<ul>{lines}</ul>' if lines else ''}{code}{tables}</section>"
    )


def _html_table(table: CardTable) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in table.header)
    has_titles = any(table.header)
    rows = "".join("<tr>" + "".join(_html_cell(cell) for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="scroll"><table>{f"<thead><tr>{head}</tr></thead>" if has_titles else ""}{rows}</table></div>'


def _html_cell(cell: str) -> str:
    if cell in _STATUSES:
        return f'<td><span class="status {cell.split(maxsplit=1)[0]}">{cell}</span></td>'
    return f'<td class="number">{escape(cell)}</td>' if _is_number(cell) else f"<td>{escape(cell)}</td>"


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


_STATUSES = ("pass", "notice", "fail", "insufficient evidence")

_STYLE = """
:root{color-scheme:light dark;--line:#d0d7de;--soft:#59636e;--back:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--line:#3d444d;--soft:#9198a1;--back:#151b23}}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1.5rem}
header p{color:var(--soft);margin:0}h1{margin:0 0 .5rem}h2{border-bottom:1px solid var(--line);margin-top:2rem}
nav a{margin-right:1rem}.human{white-space:pre-line}.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.75rem 0}td,th{border:1px solid var(--line);padding:.25rem .6rem;text-align:left;
vertical-align:top}th{background:var(--back)}.number{text-align:right;font-variant-numeric:tabular-nums}
pre{background:var(--back);padding:.75rem;overflow-x:auto}
.status{border-radius:1rem;padding:0 .6rem;color:#fff;white-space:nowrap}
.pass{background:#1a7f37}.notice{background:#0969da}.fail{background:#cf222e}.insufficient{background:#9a6700}
""".replace("\n", "")
