"""Jobs about models: train, evaluate, slice, score, describe, reproduce, and watch for decay."""
