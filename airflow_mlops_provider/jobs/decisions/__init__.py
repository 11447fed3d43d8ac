"""Jobs about decisions: promote, roll back, verify, replay, purge, and close an incident."""
