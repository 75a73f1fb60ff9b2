"""How a camera-trap scene is drawn: paper and pens, animals, places, and the finished frame."""
