"""Every number of every face as CSV."""

import csv
import io

import numpy as np

from fishfsr.evaluation.faces import Faces
from fishfsr.evaluation.measures import Measures
from fishfsr.evaluation.methods import BICUBIC

PLACE = ("id", "shard", "index")


def table(faces: Faces, measures: Measures, headline: str) -> str:
    """A line for each face, in the order of the split.

    id, shard, index; then `bicubic_psnr`, ..., `sr_psnr`, ... (the headline's), `sr_MAP_psnr`, ... of the other maps, and
    `parsing_accuracy`, `parsing_iou`. A number that there is not is an empty cell, an infinite one `inf`.
    """
    columns = {
        f"{_prefix(method, headline)}_{measure}": values
        for method, own in measures.methods.items()
        for measure, values in own.items()
    }
    columns |= {f"parsing_{measure}": values for measure, values in measures.parsing.items()}
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*PLACE, *columns])
    for number in range(len(faces)):
        writer.writerow([*faces.place(number), *(_cell(values[number]) for values in columns.values())])
    return stream.getvalue()


def _prefix(method: str, headline: str) -> str:
    if method == BICUBIC:
        return BICUBIC
    return "sr" if method == headline else f"sr_{method.replace(':', '_')}"


def _cell(value: np.float64) -> str:
    return "" if np.isnan(value) else f"{value:.6f}"
