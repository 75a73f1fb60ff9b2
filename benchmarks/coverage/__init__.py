"""How often the audit's intervals hold the truth, in simulated campaigns whose truth is known."""
