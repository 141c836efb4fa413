"""Evidently's DataDriftPreset on two CSV files, as its users run it; prints the seconds of the report alone. Arguments: reference, current."""

import sys
import time

import pandas
from evidently import Report
from evidently.presets import DataDriftPreset

reference, current = (pandas.read_csv(path) for path in sys.argv[1:3])
begun = time.perf_counter()
result = Report([DataDriftPreset()]).run(current, reference).dict()
assert len(result["metrics"]) > reference.shape[1]
print(time.perf_counter() - begun)
