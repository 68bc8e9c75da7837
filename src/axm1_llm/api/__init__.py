"""HTTP: each dialect is a thin translation of one internal request and one stream of answers."""
