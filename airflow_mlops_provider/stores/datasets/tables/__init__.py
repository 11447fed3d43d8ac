"""Tables and queries of databases: their rows as Arrow batches, in one pass and one state of the database."""
