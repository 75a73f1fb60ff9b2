"""The label source `csv`: people write labels into CSV files."""
