"""Tables of files with a log, Delta and Iceberg: which rows a version has is what the log says."""
