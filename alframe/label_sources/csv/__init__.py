"""Labels that people write into CSV files."""
