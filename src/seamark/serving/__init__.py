"""The prediction service: HTTP, micro-batching, hot swap, shadow and canary."""
