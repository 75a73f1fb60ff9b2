"""Images to embeddings: networks, the engines that run them, and one pass over the pool."""
