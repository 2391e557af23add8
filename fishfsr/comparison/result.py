"""What a comparison came to, and the files it is written into."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishfsr.comparison.conclusion import Circumstances, conclude
from fishfsr.comparison.folder import FORMAT, FORMAT_VERSION, PAGE, PER_FACE, RESULT, TABLE
from fishfsr.comparison.gallery import GalleryFace
from fishfsr.comparison.intervals import FaceColumns
from fishfsr.comparison.page import render_comparison
from fishfsr.comparison.rows import ComparedRow, plain, table_csv
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.measures import IDENTITY, PLACE, PSNR, SSIM
from fishfsr.evaluation.summary import MeasureText, measures_of
from fishfsr.evaluation.tables import TextTable
from fishfsr.metrics import get_protocol
from fishprep.common.files import write_text


@dataclass(frozen=True, eq=False)
class Comparison:
    """`rows`, bicubic first, then as in the paper's tables; `facts`: how it was made, name by name; `columns` per face by the training's
    name; `gallery`: the faces that are shown. `reference`: who the others are held against."""

    title: str
    circumstances: Circumstances
    protocol: str
    rows: tuple[ComparedRow, ...]
    facts: tuple[tuple[str, str], ...]
    columns: Mapping[str, FaceColumns]
    gallery: tuple[GalleryFace, ...]
    faces: SplitFaces

    @property
    def reference(self) -> str:
        """Its name."""
        return self.circumstances.reference

    @property
    def failed(self) -> tuple[ComparedRow, ...]:
        """The rows of which some training failed."""
        return tuple(row for row in self.rows if row.error is not None)

    @property
    def conclusion(self) -> tuple[str, ...]:
        """What may be concluded, in sentences."""
        return conclude(self.rows, self.circumstances)

    @property
    def texts(self) -> dict[str, MeasureText]:
        """How measures are written."""
        return measures_of(get_protocol(self.protocol).luma)

    def text(self) -> str:
        """For the terminal."""
        texts, titles = self.texts, {row.name: row.title for row in self.rows}
        head = (
            "method",
            texts[PSNR].title,
            f"from {titles.get(self.reference, self.reference)}",
            texts[SSIM].title,
            "identity",
        )
        table = TextTable((*head, "paper", "M", "GMAC", "ms", "min", "faces"), tuple(map(self._line, self.rows)))
        beside = [f"{row.title}: {row.changed}" for row in self.rows if row.changed]
        beside += [f"{row.title} failed: {row.error}" for row in self.failed]
        return "\n\n".join(
            [self.title, table.text(), *(["\n".join(beside)] if beside else []), "\n".join(self.conclusion)]
        )

    def _line(self, row: ComparedRow) -> tuple[str, ...]:
        texts, difference, size = self.texts, row.differences.get(PSNR), row.cost and row.cost.size
        apart = (
            ""
            if difference is None
            else f"{texts[PSNR].text(difference.mean, True)} ({texts[PSNR].interval(difference, True)})"
        )
        means = [row.figures[name].mean if name in row.figures else None for name in (PSNR, SSIM, IDENTITY)]
        psnr, ssim, identity = (
            texts[name].text(mean) for name, mean in zip((PSNR, SSIM, IDENTITY), means, strict=True)
        )
        numbers = (
            (row.paper and row.paper.psnr, ".2f"), (size and size.parameters / 1e6, ".2f"), (size and size.macs / 1e9, ".2f"),
            (row.milliseconds, ".1f"), (None if row.seconds is None else row.seconds / 60, ".1f"), (row.faces, ",d"),
        )  # fmt: skip
        return (
            row.title,
            psnr,
            apart,
            ssim,
            identity,
            *("" if value is None else f"{value:{form}}" for value, form in numbers),
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "title": self.title,
            "reference": self.reference,
            "made_with": dict(self.facts),
            "conclusion": list(self.conclusion),
            "methods": [plain(row) for row in self.rows],
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def per_face(self) -> str:
        """A line for each face: id, shard, index, and the measures of every training."""
        heads = [f"{name}_{measure}" for name, columns in self.columns.items() for measure in columns]
        values = [column for columns in self.columns.values() for column in columns.values()]
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*PLACE, *heads])
        for number in range(len(self.faces)):
            cells = ("" if each[number] != each[number] else f"{each[number]:.6f}" for each in values)
            writer.writerow([*self.faces.place(number), *cells])
        return stream.getvalue()

    def save(self, folder: Path) -> None:
        """Write page, CSV, figures per face and JSON, in the place of earlier ones. ConfigurationError where it cannot be written."""
        try:
            write_text(folder / TABLE, table_csv(self.rows))
            write_text(folder / PER_FACE, self.per_face())
            write_text(
                folder / PAGE,
                render_comparison(
                    self.title, self.rows, self.facts, self.conclusion, self.gallery, self.texts, self.reference
                ),
            )
            write_text(folder / RESULT, self.to_json())
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot be written: {error.strerror or error}") from error
