"""Use case: which recovery points are there? Reads manifests only, writes nothing."""
