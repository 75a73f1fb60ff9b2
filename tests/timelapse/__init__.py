"""A Timelapse for tests: it behaves on real SQLite files as the documentation of its formats says.

Nothing here imports alframe: it is written from the documented facts alone, so that it catches our misreadings of them.
"""
