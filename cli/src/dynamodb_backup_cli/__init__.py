"""The operator's command line: it talks to the deployed functions and state machines, and does nothing by itself."""
