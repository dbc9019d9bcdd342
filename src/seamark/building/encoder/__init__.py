"""The encoder's adapter: training pairs and training."""
