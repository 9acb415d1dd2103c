"""A restore by the state machine: the two heavy passes are shared out among many invocations."""
