"""Fine-tuning of a backbone."""
