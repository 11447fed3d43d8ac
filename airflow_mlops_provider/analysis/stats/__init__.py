"""Statistics of arrays, under their textbook names; imports no record."""
