"""All weight files of fishprep: each record stands with what loads the file, and is collected here."""

from fishprep.common.weights import WeightRecord
from fishprep.detectors import weights as of_detectors
from fishprep.landmarks import weights as of_landmarks
from fishprep.parsing import weights as of_parsing
from fishprep.recognition import weights as of_recognition

RECORDS: tuple[WeightRecord, ...] = (
    *of_parsing.RECORDS,
    *of_detectors.RECORDS,
    *of_landmarks.RECORDS,
    *of_recognition.RECORDS,
)
