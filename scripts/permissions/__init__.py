"""What each role of the modules may do, and why: out of a plan of everything.tf and the comments in the .tf files."""
