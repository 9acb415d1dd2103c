"""How fast restores are, as ratios to other ways of doing the same on the same data, in the same run: `make bench`."""
