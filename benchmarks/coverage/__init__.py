"""How often the audit's intervals contain the true accuracy, in simulated campaigns."""
