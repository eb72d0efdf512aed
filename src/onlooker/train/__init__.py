"""Teaching interaction models: tokenizer, weighted fine-tuning, reinforcement learning."""
