"""What lies in S3: the layout, our manifest, DynamoDB's manifests and data files. Knows nothing of live tables."""
