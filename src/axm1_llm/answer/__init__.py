"""Pure steps between a model's tokens and what a client gets: stop sequences, thinking."""
