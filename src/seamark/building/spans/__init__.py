"""The span tagger: tagged sentences, the model, its training."""
