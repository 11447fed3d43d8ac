"""Policies: the limits by which decisions judge, as they stand in a Dag or a spec and are kept with the evidence."""
