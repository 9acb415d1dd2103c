"""Developers' commands; each is run from the repository's root as ``python -m scripts.NAME``."""
