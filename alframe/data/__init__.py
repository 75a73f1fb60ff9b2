"""Read files into batches of pixels: decoding, loading with worker processes, augmentation."""
