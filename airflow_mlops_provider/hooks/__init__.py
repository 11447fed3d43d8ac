"""Airflow Connections to stores."""
