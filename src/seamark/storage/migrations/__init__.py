"""Numbered migrations, oldest first; each says whether it is safe before or after the code's upgrade."""
