"""Read and write the files of Timelapse, the program in which ecologists label camera-trap images."""
