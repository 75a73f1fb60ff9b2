"""A Timelapse for tests: it behaves on real SQLite files as the documentation of its formats says.

`simulator` and what it imports know nothing of alframe: they are written from the documented facts alone, so that they
catch our misreadings of them. `people` and `lab` let somebody work with both.
"""
