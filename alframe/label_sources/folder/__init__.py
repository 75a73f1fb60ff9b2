"""Labels that people give by dragging images into the folders of classes."""
