"""The default configuration, one folder for each kind of part."""
