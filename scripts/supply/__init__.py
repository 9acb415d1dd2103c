"""What of other people this project takes in: pinned and hashed, audited, with known licences, listed for its users."""
