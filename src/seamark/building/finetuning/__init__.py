"""Fine-tuning of the embedding model with sentence-transformers."""
