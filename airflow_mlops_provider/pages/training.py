"""What was measured on held-out rows as pictures: SVG, which a browser and MLflow's own pages show as they are."""

from __future__ import annotations

from airflow_mlops_provider.pages.charts.confusion import confusion_chart
from airflow_mlops_provider.pages.charts.curves import calibration_chart, roc_chart
from airflow_mlops_provider.pages.charts.importance import importance_chart
from airflow_mlops_provider.pages.charts.svg import draw
from airflow_mlops_provider.records.reports.training import TrainingReport


def pictures_of(report: TrainingReport) -> dict[str, bytes]:
    """File name to UTF-8 SVG, of the pictures that the report has numbers for."""
    charts = {
        "confusion matrix": confusion_chart(report.confusion) if report.confusion else None,
        "ROC curve": roc_chart(report.roc) if report.roc else None,
        "calibration curve": calibration_chart(report.calibration) if report.calibration else None,
        "permutation importance": importance_chart(report.importance) if report.importance else None,
    }
    drawn = draw({title: chart for title, chart in charts.items() if chart is not None})
    return {f"{title.lower().replace(' ', '_')}.svg": svg.encode() for title, svg in drawn.items()}
