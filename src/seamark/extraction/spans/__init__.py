"""Where a text names skills and knowledge: the protocol and its back-ends."""
