"""Datasets: files, folders and globs of Parquet or CSV, pinned by their content."""
