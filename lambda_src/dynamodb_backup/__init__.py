"""Back DynamoDB tables up with native exports, prove each backup whole, and bring tables back exactly."""
