"""What both packages stand on, and what knows nothing of faces: files, names, devices, errors, words."""
