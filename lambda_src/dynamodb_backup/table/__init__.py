"""What a DynamoDB table is: its definition, keys, exports, scans and batch writes. Knows nothing of what lies in S3."""
