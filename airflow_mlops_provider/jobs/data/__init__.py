"""Jobs about data: hold a batch to its rules, compare it with a reference, profile it."""
