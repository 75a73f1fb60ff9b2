"""The tracker `tensorboard` for alframe."""
