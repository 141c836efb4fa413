"""Evidently's DataDriftPreset on two CSV files, as its users run it. Arguments: reference, current."""

import sys

import pandas
from evidently import Report
from evidently.presets import DataDriftPreset

reference, current = (pandas.read_csv(path) for path in sys.argv[1:3])
result = Report([DataDriftPreset()]).run(current, reference).dict()
print(len(result["metrics"]))
