"""Evidence: files named by their hash, created exclusively, on local disk or S3."""
