"""OpenAI's dialect: models, chat, completions, embeddings, responses."""
