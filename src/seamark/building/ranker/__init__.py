"""The ranker: labelled texts to features, features to a calibrated network."""
