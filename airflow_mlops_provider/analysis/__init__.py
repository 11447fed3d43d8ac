"""Measure data and models: arrays, frames and relations in, reports of numbers out."""
