"""Evidence: files named by their hash, created exclusively, on local disk or in an object store."""
