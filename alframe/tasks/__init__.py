"""The tasks of the command line: each verb has its own file."""
