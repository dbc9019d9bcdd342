"""The only room that speaks to the database and the object store."""
