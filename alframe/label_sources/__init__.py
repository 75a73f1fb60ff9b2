"""Label sources, which ask people, or simulate their answers."""
