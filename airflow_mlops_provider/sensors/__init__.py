"""Waits that the scheduler sees."""
