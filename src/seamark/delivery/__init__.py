"""What runs where: stages, promotions with their evidence and approvals, rollback, shadow and canary."""
