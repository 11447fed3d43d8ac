"""Steps that the scheduler sees."""
