"""Losses: criteria that fine-tune a backbone."""
