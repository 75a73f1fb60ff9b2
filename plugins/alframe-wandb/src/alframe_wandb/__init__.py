"""The tracker `wandb` for alframe."""
