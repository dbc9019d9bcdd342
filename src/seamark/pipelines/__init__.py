"""Triggers, and the durable workflows that tie the rooms together."""
