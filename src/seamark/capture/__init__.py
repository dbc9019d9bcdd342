"""What was predicted: the sampled record, from a server's spool to the database, the archive and its removal."""
