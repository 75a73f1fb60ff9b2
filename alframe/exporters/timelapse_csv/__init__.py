"""Labels for a Timelapse image set, as one CSV file to import there."""
