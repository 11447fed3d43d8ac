"""Reports and policies to verdicts: what we do about it."""
