"""The user's own code: found beside a model's declaration, packed into one archive, run from exactly those bytes."""
