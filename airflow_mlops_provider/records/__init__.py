"""Things that travel between tasks, are written in a Dag file or are stored as evidence."""
