"""A stand-in for `axllm serve`: ``python -m axm1_llm.sim.axllm serve FOLDER --port N``.

It speaks the API that the vendor documents, and does what its source does: one answer at a time, in a
thread that goes on when the client is gone; ``stop`` as the reason for every end; answers on stdout.
What it is to do beside that stands in the folder's `config.json`, under the key ``sim``: see `Script`.
"""
