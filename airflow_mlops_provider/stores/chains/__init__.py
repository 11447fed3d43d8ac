"""Hash-chained records whose next number is created exclusively: decisions, tombstones, judged windows."""
