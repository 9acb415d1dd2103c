"""The doors: one module per Lambda entry point. Parse the event, call one use case, shape the result."""
