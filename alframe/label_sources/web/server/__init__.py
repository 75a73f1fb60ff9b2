"""The server of the pages, a process of its own: what it needs is in the folder of the label source."""
