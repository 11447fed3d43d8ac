"""Make the content of a model card from the evidence."""

from airflow_mlops_provider.analysis.model_card.content import Source, measure_model_card

__all__ = ["Source", "measure_model_card"]
