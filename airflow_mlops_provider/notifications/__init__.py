"""Tells a person now."""
