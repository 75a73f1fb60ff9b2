"""Conformance suites for plugin authors: subclass one, say how your part is made, and pytest does the rest."""
