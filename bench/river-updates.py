"""Updates a second of River's detectors, on one core, as its users run them: a loop over values. Argument: a file of the characters 0 and 1."""

import json
import sys
import time

from river import drift
from river.drift import binary

with open(sys.argv[1]) as file:
    bits = [int(bit) for bit in file.read()]

detectors = {
    "adwin": (drift.ADWIN, bits),
    "page-hinkley": (drift.PageHinkley, bits),
    "ddm": (binary.DDM, bits),
    "eddm": (binary.EDDM, bits),
    "hddm-a": (binary.HDDMA, bits),
    "hddm-w": (binary.HDDMW, bits),
    "fhddm": (binary.FHDDM, [1 - bit for bit in bits]),
    "kswin": (drift.KSWIN, bits[:4000]),
}

rates = {}
for name, (make, values) in detectors.items():
    detector = make()
    begun = time.process_time()
    for value in values:
        detector.update(value)
    rates[name] = len(values) / (time.process_time() - begun)
print(json.dumps(rates))
