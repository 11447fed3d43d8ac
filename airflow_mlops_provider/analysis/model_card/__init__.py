"""Model cards: gathered from the evidence, rendered as Markdown and HTML."""

from airflow_mlops_provider.analysis.model_card.content import Source, measure_model_card
from airflow_mlops_provider.pages.model_card import to_html, to_markdown

__all__ = ["Source", "measure_model_card", "to_html", "to_markdown"]
