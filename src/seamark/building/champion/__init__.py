"""Champion and contender: both scored on the same documents, one judged against the other."""
