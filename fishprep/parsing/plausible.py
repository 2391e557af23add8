"""Whether the classes of masks can be what they are said to be: by their shares, over all faces."""

from collections.abc import Mapping

from fishprep.parsing.classes import FaceClass

LEAST_SKIN = 0.3
"""Of the pixels of the face, skin and what lies on it: on CelebA-HQ it is 0.81, and with beards and glasses still the most."""

MOST = {
    FaceClass.NOSE: 0.2,
    FaceClass.EYEGLASSES: 0.2,
    FaceClass.LEFT_EYE: 0.05,
    FaceClass.RIGHT_EYE: 0.05,
    FaceClass.LEFT_BROW: 0.06,
    FaceClass.RIGHT_BROW: 0.06,
    FaceClass.LEFT_EAR: 0.15,
    FaceClass.RIGHT_EAR: 0.15,
    FaceClass.MOUTH: 0.15,
    FaceClass.UPPER_LIP: 0.1,
    FaceClass.LOWER_LIP: 0.1,
}
"""Of the pixels of the face, over all faces: three times and more what CelebA-HQ has (nose 0.065, an eye 0.007, a lip 0.02)."""

MOST_NECK = 0.6
"""Of as many pixels as the face has: there 0.13."""


def shares_text(shares: Mapping[FaceClass, float]) -> str:
    """The classes that there are, the largest first."""
    there = sorted(((share, name) for name, share in shares.items() if share > 0), key=lambda pair: -pair[0])
    return ", ".join(f"{name} {share:.1%}" for share, name in there)


def implausible(shares: Mapping[FaceClass, float], faces: int) -> str:
    """Why masks with these mean shares cannot be of faces in the numbering that was said; empty where they can."""
    face = sum(shares[name] for name in (FaceClass.SKIN, *MOST))
    most = MOST | {FaceClass.NECK: MOST_NECK}
    faults = [f"{name} {shares[name]:.1%}" for name, limit in most.items() if shares[name] > limit * face]
    if shares[FaceClass.SKIN] <= LEAST_SKIN * face:
        faults.append(f"skin {shares[FaceClass.SKIN]:.1%}")
    if not faults:
        return ""
    return (
        f"its masks cannot hold what their numbers are said to mean: over {faces:,} faces {', '.join(faults)} of the pixels. "
        f"Were they saved with another palette, which changes the numbers, or is --classes another? Found: {shares_text(shares)}"
    )
