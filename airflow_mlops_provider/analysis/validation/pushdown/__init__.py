"""Rules that a database counts by itself: which ones, as which expressions, and their counts as those of a scan."""
