"""Super-resolving pictures: LR faces, face crops and photos in; restored faces and photos out.

`models` the trained pairs and which fits a face; `faces` the search in a photo; `planning` a picture's faces, made ready for
the model that fits; `pasting` back into the photo; `inputs` and `record` what goes in and what is known of it; `run` all of it.
"""
