"""What the files of other programs look like: readers and writers that know nothing of campaigns."""
