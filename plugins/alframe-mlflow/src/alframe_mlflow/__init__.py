"""The tracker `mlflow` for alframe."""
