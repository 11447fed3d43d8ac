"""Arrays to numbers, by the textbook's names; knows no record."""
