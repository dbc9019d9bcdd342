"""The workspace's database and object store: the only room that speaks SQL or object store."""
