"""Use cases that only read: the list of recovery points, and what they hold of an item."""
