"""The report for an auditor: one HTML page that needs nothing but itself."""
