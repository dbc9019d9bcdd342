"""Labelled examples: imported from files, split once and for all, and frozen as data versions."""
