"""Making weights, and measuring how well they do."""
