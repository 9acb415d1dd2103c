"""Work that one event begins and as many invocations carry as it takes: its state in S3, and one turn of it."""
