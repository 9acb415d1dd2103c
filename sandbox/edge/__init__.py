"""The sandbox's front door: an HTTP proxy that counts requests and injects faults, and keeps the emulator behind it."""
