"""How fast a model answers."""
