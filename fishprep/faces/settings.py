"""What can be chosen on the way of a photo."""

from dataclasses import dataclass, field

from fishprep.decoding.decode import Limits
from fishprep.faces.crop import CropRecipe
from fishprep.landmarks.select import DISAGREEMENT_LIMIT, MIN_SCORE, Policy


@dataclass(frozen=True)
class FaceSettings:
    """How a photo is decoded, its faces chosen and cut.

    limits: of decoding; its `max_pixels` holds for a crop too. reads_points: whether the backend takes the points of the photo's
    own file. faces: which of several are taken. min_score: share of the best score below which a face is passed over.
    max_disagreement: inter-ocular distances that landmarks may lie from the source's own points. max_outside: share of the crop
    that may lie outside the photo. min_side: least pixels a side of the crop. resizer: one of `pyramid.RESIZERS`.
    """

    limits: Limits = field(default_factory=Limits)
    reads_points: bool = False
    faces: Policy = "largest"
    min_score: float = MIN_SCORE
    max_disagreement: float = DISAGREEMENT_LIMIT
    crop: CropRecipe = field(default_factory=CropRecipe)
    max_outside: float = 0.25
    min_side: int = 64
    resizer: str = "pillow-bicubic"
