"""Labels that people give in Timelapse, in a set for each round or in their own set."""
