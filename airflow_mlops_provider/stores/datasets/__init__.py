"""Datasets: files, folders and globs of Parquet or CSV, and tables of databases, pinned by their content."""
