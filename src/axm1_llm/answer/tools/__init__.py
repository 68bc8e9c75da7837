"""Tool calls in the text of an answer: one format a model family."""
