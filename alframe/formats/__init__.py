"""Read and write files of other programs. These modules do not depend on campaigns."""
