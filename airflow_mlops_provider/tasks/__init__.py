"""A job as an Airflow task: run, lineage, links, settings."""
