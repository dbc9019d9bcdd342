"""Who may do what, and the record of who did: people, roles, tokens, the audit trail."""
