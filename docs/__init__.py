"""The documentation: pages for people, and what builds the rest of it from docstrings."""
