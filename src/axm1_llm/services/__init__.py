"""The programs: each builds its parts, wires them together, and runs until it is told to leave.

Import the module of the program that is meant: the tokenizer-service needs none of the API, the llm-service
no tokenizer, and both are to stay small.
"""
