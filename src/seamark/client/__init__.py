"""A typed client of the prediction service, sync and async."""
