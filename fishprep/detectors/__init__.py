"""Where faces are in a picture: boxes, and perhaps the eyes. What fits 68 points to them is `fishprep.landmarks`."""
