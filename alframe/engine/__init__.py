"""The phases of a round, one function for each. Each can be repeated without harm."""
