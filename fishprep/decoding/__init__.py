"""What lies in the containers of pictures, read before and beside Pillow; `fishprep.decode` is the way in."""
