"""A model card: what a person must know before using a model version."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.refs import ModelRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTable:
    """A table of a section.

    :param header: column titles.
    :param rows: cells as text, as many in each row as there are titles.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSection:
    """One section.

    :param key: what the policy and the model's YAML call it, such as ``how_to_use``.
    :param title: what a reader sees.
    :param human: text by people from the model's YAML, word for word.
    :param lines: generated sentences.
    :param code: a generated snippet.
    :param tables: generated tables.
    """

    key: str
    title: str
    human: str = ""
    lines: tuple[str, ...] = ()
    code: str = ""
    tables: tuple[CardTable, ...] = ()

    @property
    def is_filled(self) -> bool:
        """Whether there is anything to read in it."""
        return bool(self.human.strip() or self.lines or self.code or any(table.rows for table in self.tables))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCardReport:
    """The card of one model version.

    :param model: the version.
    :param sections: in reading order.
    """

    model: ModelRef
    sections: tuple[CardSection, ...]

    def section(self, key: str) -> CardSection | None:
        """The section called ``key``, or ``None``."""
        return next((section for section in self.sections if section.key == key), None)
