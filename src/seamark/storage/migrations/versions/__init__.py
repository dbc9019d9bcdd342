"""One module for each revision; revisions count up by one, so that a newer one is recognised."""
