"""What the command line can do: one verb, one file."""
