"""Rows that lie in Spark: which session reads them, what they are, and writing what was made of them."""
