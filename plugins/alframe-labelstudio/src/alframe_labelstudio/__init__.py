"""The label source `labelstudio` for alframe."""
