"""Shows a person later."""
