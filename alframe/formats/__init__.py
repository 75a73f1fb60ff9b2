"""Readers and writers of other programs' files, which know nothing of campaigns."""
