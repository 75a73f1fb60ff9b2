"""From files to batches of pixels: decoding, loading with worker processes, augmentation."""
