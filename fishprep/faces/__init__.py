"""The way of one photo: read, decoded, searched for faces, cropped, resized, measured."""
