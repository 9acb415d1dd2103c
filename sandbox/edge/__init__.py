"""The sandbox's front door: an HTTP server that logs requests and injects faults before the emulator sees them."""
