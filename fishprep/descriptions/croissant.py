"""A description as Croissant 1.1 JSON-LD, the format of MLCommons that search engines of datasets and loaders read, with its fields on
responsible AI (http://mlcommons.org/croissant/1.1, http://mlcommons.org/croissant/RAI/1.0)."""

import json
from typing import Any

import pyarrow as pa

from fishprep.builds.manifest import ROW_SCHEMA
from fishprep.descriptions.content import Description, StoredFile

VERSION = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"

_OWN = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
    "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in _OWN},
}

COLUMNS = {
    "id": "of the face, as the shard calls it",
    "photo": "id of the photo",
    "path": "of the photo, relative to the source",
    "sha256": "of the photo's bytes",
    "split": "train, val or test",
    "status": "ok, or why nothing was kept",
    "reason": "the same in a line",
    "shard": "the file, without .h5, in which the face lies",
    "index": "its place there",
    "landmark_backend": "what found the face",
    "score": "of the detector",
    "licence": "terms of the photo",
    "identity": "of the person, where the source names it",
    "width": "of the upright photo, px",
    "height": "of the upright photo, px",
    "side": "longer side of the crop, px of the photo",
    "yaw": "degrees",
    "pitch": "degrees",
    "roll": "degrees",
    "blur": "variance of the Laplacian of the HR face",
    "skin": "share of skin pixels",
}
"""Columns of the rows that are described, in words."""


def croissant(description: Description) -> str:
    """The JSON-LD text; the same build gives the same bytes."""
    it = description.publisher
    facts: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [VERSION, RAI],
        "name": it.name,
        "description": summary(description),
        "license": "; ".join(description.terms),
        "url": it.url,
        "creator": {"@type": "sc:Organization", "name": it.creator} if it.creator else None,
        "citeAs": it.cite,
        "datePublished": it.published,
        "keywords": ["face super-resolution", "face parsing", "landmarks"],
        "version": "1.0.0",
        "distribution": [
            _file(
                description.rows,
                "application/x-parquet",
                "A row for each face, and for each photo of which none was kept.",
            ),
            *(
                _file(shard, "application/x-hdf5", "Faces: images, skin maps, landmarks.")
                for shard in description.shards
            ),
        ],
        "recordSet": [_rows()],
        **{f"rai:{name}": text for name, text in responsible(description).items()},
    }
    return json.dumps({name: value for name, value in facts.items() if value}, indent=1, ensure_ascii=False) + "\n"


def summary(description: Description) -> str:
    """What the set is, in two sentences."""
    totals = description.totals
    splits = ", ".join(f"{count:,} {split}" for split, count in totals.by_split.items())
    return (
        f"{totals.samples:,} faces ({splits}) from {totals.photos:,} photos: HR images of 128 x 128 pixels with LR images of 64, 32, "
        "16 and 8, binary skin maps at every size and 68 landmarks, for face super-resolution guided by parsing maps. Made by "
        f"{description.producer}, recipe {description.recipe[:12]}."
    )


def responsible(description: Description) -> dict[str, str]:
    """Croissant's fields on responsible AI, by name: what can be told from the build itself."""
    dropped = ", ".join(f"{count:,} {status}" for status, count in description.dropped.items())
    tools = "; ".join(f"{weight.name} ({weight.purpose}; {weight.licence})" for weight in description.weights)
    groups = "; ".join(
        f"{each.title}: {', '.join(f'{group.name} {sum(group.by_split.values()):,}' for group in each.groups)}"
        for each in description.groupings
    )
    settings = ", ".join(f"{name} {value}" for name, value in description.settings.items())
    return {
        "dataCollection": f"Photos of a source of the kind {description.kind}; how they were collected, the source says.",
        "dataPreprocessingProtocol": f"Faces found, cropped, resized, parsed: {settings}.",
        "dataCollectionMissingData": f"Rows without a face: {dropped or 'none'}.",
        "dataAnnotationProtocol": "Landmarks and skin maps are made by programs, not drawn by people, unless the settings say so.",
        "machineAnnotationTools": tools or "none",
        "dataBiases": f"Faces by what can be measured: {groups}. Faces that the detector misses are not in the set.",
        "dataLimitations": "Skin maps have the faults of the parser; LR images are made by shrinking, real small faces are not like them.",
        "dataUseCases": "Training and measuring face super-resolution and face parsing; not the recognition of people.",
        "personalSensitiveInformation": "Photos of faces are personal data"
        + (f"; {description.people:,} people have an identity number here." if description.people else "."),
    }


def _file(stored: StoredFile, kind: str, said: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": stored.name,
        "name": stored.name,
        "description": said,
        "contentUrl": stored.name,
        "contentSize": f"{stored.bytes} B",
        "encodingFormat": kind,
        "sha256": stored.sha256,
    }


def _rows() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": "A row for each face that was kept, and one for each photo of which none was.",
        "field": [_field(name, said) for name, said in COLUMNS.items()],
    }


def _field(name: str, said: str) -> dict[str, Any]:
    kind = ROW_SCHEMA.field(name).type
    types = "sc:Text" if pa.types.is_string(kind) else "sc:Integer" if pa.types.is_integer(kind) else "sc:Float"
    return {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "description": said,
        "dataType": types,
        "source": {"fileObject": {"@id": "samples.parquet"}, "extract": {"column": name}},
    }
