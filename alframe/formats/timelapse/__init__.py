"""What Timelapse, the program in which ecologists label camera-trap images, reads and writes: templates and data."""
