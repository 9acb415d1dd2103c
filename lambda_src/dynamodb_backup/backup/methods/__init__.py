"""The ways of making one table's backup. All write the same layout, so verify, list and restore treat them alike."""
