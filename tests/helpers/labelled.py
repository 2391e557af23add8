"""Made-up labelled faces: ovals with eyes, brows and a mouth on plain ground, drawn with their classes."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fishprep.parsing.classes import ClassOrder, FaceClass, number

SIDE = 96


def draw_face(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture (96, 96, 3) uint8 and classes (96, 96) uint8 in CelebAMask-HQ's order."""
    rng = np.random.default_rng(seed)
    x, y = (int(value) for value in rng.integers(42, 54, 2))
    picture = Image.new("RGB", (SIDE, SIDE), tuple(int(value) for value in rng.integers(20, 110, 3)))
    mask = Image.new("L", (SIDE, SIDE), 0)

    def oval(face_class: FaceClass, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> None:
        placed = (x + box[0], y + box[1], x + box[2], y + box[3])
        ImageDraw.Draw(picture).ellipse(placed, fill=colour)
        ImageDraw.Draw(mask).ellipse(placed, fill=number(face_class, ClassOrder.CELEBAMASK))

    oval(FaceClass.HAIR, (60, 40, 20), (-30, -38, 30, 20))
    oval(FaceClass.SKIN, (225, 180, 150), (-25, -30, 25, 34))
    oval(FaceClass.RIGHT_EYE, (40, 60, 160), (-17, -8, -5, -1))  # the subject's right lies on the left of the picture
    oval(FaceClass.LEFT_EYE, (40, 160, 60), (5, -8, 17, -1))
    oval(FaceClass.NOSE, (200, 130, 100), (-4, 0, 4, 12))
    oval(FaceClass.LOWER_LIP, (190, 40, 60), (-10, 17, 10, 24))
    return np.array(picture), np.array(mask)


def write_labelled(root: Path, train: int, val: int = 0) -> Path:
    """A folder of made-up faces with their lists; returns it."""
    names = [f"face{index:03d}" for index in range(train + val)]
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        picture, classes = draw_face(seed)
        Image.fromarray(picture).save(root / "images" / f"{name}.png")
        Image.fromarray(classes).save(root / "masks" / f"{name}.png")
    (root / "train.txt").write_text("\n".join(names[:train]) + "\n")
    if val:
        (root / "val.txt").write_text("\n".join(names[train:]) + "\n")
    return root
