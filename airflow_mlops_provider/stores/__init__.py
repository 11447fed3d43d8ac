"""The outside world without Airflow: data files, models, specs and evidence."""
