"""Text in, skills out."""
