-- Run once by the Postgres image, on an empty volume. The database of Airflow is made from POSTGRES_DB.
CREATE DATABASE mlflow;
