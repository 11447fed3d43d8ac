"""Waits on the triggerer; computes nothing."""
