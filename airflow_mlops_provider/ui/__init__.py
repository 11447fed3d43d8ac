"""Shows a person later."""

URL_PREFIX = "/mlops"
"""Where Airflow's API server mounts the page."""
