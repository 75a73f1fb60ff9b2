"""The server of the pages, which is another process. Its files are in the folder of the label source."""
