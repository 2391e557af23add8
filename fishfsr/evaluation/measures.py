"""Every measure of every method on every face, as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fishfsr import metrics
from fishfsr.evaluation.faces import Batch
from fishfsr.evaluation.methods import BICUBIC, Methods, Outputs
from fishfsr.evaluation.pictures import to_uint8
from fishfsr.evaluation.settings import Tell
from fishfsr.identity import Embedder

PSNR, SSIM, IDENTITY = "psnr", "ssim", "identity"
ACCURACY, IOU = "accuracy", "iou"
Column = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """(N,) float64 for each face of the split, in its order.

    `methods`: by the method's name (`bicubic`, then the maps), then by the measure's: `psnr`, `ssim`, and where it was
    asked for `identity`, of bicubic and the first map only. `parsing`: `accuracy` and `iou` of ParsingNet's map, empty
    where the checkpoint has no ParsingNet.
    """

    methods: dict[str, dict[str, Column]]
    parsing: dict[str, Column]


@dataclass(frozen=True)
class Measurer:
    """Measures `methods` by a protocol; without an `embedder` no identity."""

    methods: Methods
    protocol: metrics.Protocol
    embedder: Embedder | None

    def measure(self, batch_size: int, tell: Tell) -> Measures:
        """All faces, a batch at a time; only the numbers are kept."""
        faces = self.methods.faces
        rows: dict[tuple[str, str], Column] = {}
        for batch in faces.batches(batch_size):
            for key, values in self._measured(batch).items():
                rows.setdefault(key, np.full(len(faces), np.nan))[batch.numbers] = values
            tell("measured", int(batch.numbers[-1]) + 1, len(faces))
        return _columns(rows)

    def _measured(self, batch: Batch) -> dict[tuple[str, str], Column]:
        outputs = self.methods(batch)
        scale = self.methods.resolver.scale
        found: dict[tuple[str, str], Column] = {}
        for name, enlarged in outputs.enlarged.items():
            found[name, PSNR] = metrics.psnr(enlarged, outputs.hr, scale, self.protocol).cpu().numpy()
            found[name, SSIM] = metrics.ssim(enlarged, outputs.hr, scale, self.protocol).cpu().numpy()
        if self.embedder is not None:
            found |= self._identities(outputs, batch, self.embedder)
        if outputs.estimated is not None:
            found["", ACCURACY] = metrics.parsing_accuracy(outputs.estimated, outputs.truth).cpu().numpy()
            found["", IOU] = metrics.parsing_iou(outputs.estimated, outputs.truth).cpu().numpy()
        return found

    def _identities(self, outputs: Outputs, batch: Batch, embedder: Embedder) -> dict[tuple[str, str], Column]:
        """Cosine similarities with the HR faces, whose vectors are computed once."""
        true = embedder.embed(batch.hr, batch.landmarks)
        found: dict[tuple[str, str], Column] = {}
        # not of the other maps: a face takes the embedder as long as the rest of the evaluation together
        for name in (BICUBIC, self.methods.headline):
            enlarged = outputs.enlarged[name]
            similarity = cosine(embedder.embed(to_uint8(enlarged), batch.landmarks), true)
            finite = enlarged.isfinite().flatten(1).all(1).cpu().numpy()
            found[name, IDENTITY] = np.where(finite, similarity, np.nan)
        return found


def cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> Column:
    """Cosine similarity of rows (N, d), (N,); NaN where either is zero."""
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(1)
    return np.divide(products, norms, out=np.full(len(products), np.nan), where=norms > 0)


def _columns(rows: dict[tuple[str, str], Column]) -> Measures:
    methods: dict[str, dict[str, Column]] = {}
    parsing: dict[str, Column] = {}
    for (method, measure), values in rows.items():
        (methods.setdefault(method, {}) if method else parsing)[measure] = values
    return Measures(methods, parsing)
