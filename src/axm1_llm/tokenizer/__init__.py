"""The tokenizer-service, the gateway that runtimes ask, and the client that the llm-service uses."""
