"""One function for each phase of a round; each can be done again without harm."""
