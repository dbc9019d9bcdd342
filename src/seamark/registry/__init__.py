"""What exists: versions, experiments, releases, bundles, and where each came from."""
