"""The demonstration: a real Airflow, a real MLflow, real data, one story."""
