"""What lies in the containers of pictures, read before and beside Pillow; `fishprep.decoding.decode` is the way in."""
