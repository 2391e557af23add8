"""Every measure of every method on every face: as columns of numbers, and as CSV."""

import csv
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fishfsr import metrics
from fishfsr.evaluation.faces import SplitBatch, SplitFaces
from fishfsr.evaluation.kept import KeptVectors
from fishfsr.evaluation.methods import BICUBIC, Enlarger, Outputs
from fishfsr.evaluation.pictures import to_uint8
from fishfsr.evaluation.settings import TellMeasured
from fishfsr.identity import Embedder
from fishfsr.perceptual import Lpips, lpips

PSNR, SSIM, IDENTITY, LPIPS = "psnr", "ssim", "identity", "lpips"
ACCURACY, IOU = "accuracy", "iou"
Column = NDArray[np.float64]
PLACE = ("id", "shard", "index")


@dataclass(frozen=True)
class MeasuredFaces:
    """(N,) float64 for each face of the split, in its order.

    `methods`: by the method's name (`bicubic`, then the maps), then by the measure's: `psnr`, `ssim`, and where it was
    asked for `identity`, of bicubic and the first map only. `parsing`: `accuracy` and `iou` of ParsingNet's map, empty
    where the checkpoint has no ParsingNet.
    """

    methods: dict[str, dict[str, Column]]
    parsing: dict[str, Column]


@dataclass(frozen=True)
class Measurer:
    """MeasuredFaces `methods` by a protocol; without an `embedder` no identity. `kept`: vectors of HR faces that are known already.
    `perceptual`: measures LPIPS, where it is wanted."""

    methods: Enlarger
    protocol: metrics.Protocol
    embedder: Embedder | None
    kept: KeptVectors | None = None
    perceptual: Lpips | None = None

    def measure(self, batch_size: int, tell: TellMeasured) -> MeasuredFaces:
        """All faces, a batch at a time; only the numbers are kept."""
        faces = self.methods.faces
        rows: dict[tuple[str, str], Column] = {}
        for batch in faces.batches(batch_size):
            for key, values in self._measured(batch).items():
                rows.setdefault(key, np.full(len(faces), np.nan))[batch.numbers] = values
            tell("measured", int(batch.numbers[-1]) + 1, len(faces))
        return _columns(rows)

    def _measured(self, batch: SplitBatch) -> dict[tuple[str, str], Column]:
        outputs = self.methods(batch)
        scale = self.methods.scale
        found: dict[tuple[str, str], Column] = {}
        for name, enlarged in outputs.enlarged.items():
            found[name, PSNR] = metrics.psnr(enlarged, outputs.hr, scale, self.protocol).cpu().numpy()
            found[name, SSIM] = metrics.ssim(enlarged, outputs.hr, scale, self.protocol).cpu().numpy()
            if self.perceptual is not None:
                found[name, LPIPS] = lpips(enlarged, outputs.hr, self.perceptual).cpu().numpy()
        if self.embedder is not None:
            found |= self._identities(outputs, batch, self.embedder)
        if outputs.estimated is not None:
            found["", ACCURACY] = metrics.parsing_accuracy(outputs.estimated, outputs.truth).cpu().numpy()
            found["", IOU] = metrics.parsing_iou(outputs.estimated, outputs.truth).cpu().numpy()
        return found

    def _identities(self, outputs: Outputs, batch: SplitBatch, embedder: Embedder) -> dict[tuple[str, str], Column]:
        """Cosine similarities with the HR faces."""
        # not of the other maps: a face takes the embedder as long as the rest of the evaluation together
        names = [name for name in dict.fromkeys((BICUBIC, self.methods.headline)) if name in outputs.enlarged]
        true, *own = self._vectors([to_uint8(outputs.enlarged[name]) for name in names], batch, embedder)
        found: dict[tuple[str, str], Column] = {}
        for name, vectors in zip(names, own, strict=True):
            finite = outputs.enlarged[name].isfinite().flatten(1).all(1).cpu().numpy()
            found[name, IDENTITY] = np.where(finite, cosine(vectors, true), np.nan)
        return found

    def _vectors(
        self, pictures: list[NDArray[np.uint8]], batch: SplitBatch, embedder: Embedder
    ) -> list[NDArray[np.float64]]:
        """Of the HR faces, and of each of `pictures` of them: computed together, those that are kept not at all."""
        numbers = self.methods.faces.in_shards(batch.numbers)
        unknown = np.ones(len(batch), bool) if self.kept is None else ~self.kept.known(numbers)
        faces = np.concatenate([batch.hr[unknown], *pictures])
        landmarks = np.concatenate([batch.landmarks[unknown], *[batch.landmarks] * len(pictures)])
        computed = embedder.embed(faces, landmarks)
        true, own = np.split(computed, [int(unknown.sum())])
        if self.kept is not None:
            self.kept.put(numbers[unknown], true)
            true = self.kept.get(numbers)
        return [true, *np.split(own, len(pictures))]


def cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> Column:
    """Cosine similarity of rows (N, d), (N,); NaN where either is zero."""
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(1)
    return np.divide(products, norms, out=np.full(len(products), np.nan), where=norms > 0)


def _columns(rows: dict[tuple[str, str], Column]) -> MeasuredFaces:
    methods: dict[str, dict[str, Column]] = {}
    parsing: dict[str, Column] = {}
    for (method, measure), values in rows.items():
        (methods.setdefault(method, {}) if method else parsing)[measure] = values
    return MeasuredFaces(methods, parsing)


def per_face_table(faces: SplitFaces, measures: MeasuredFaces, headline: str) -> str:
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
