"""Who did what, when, with which event, and how it ended: written where neither functions nor people rewrite it."""
