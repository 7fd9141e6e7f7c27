"""Predicting many items takes the memory of a part of them."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: the memory of this one holds what other tests left.
PREDICT = """
import sys
import numpy as np, torch
from torch import nn
from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.training_data import TrainingData
from ltnet_core.learning.views import predict

class Averages(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 10)
    def forward(self, x):
        return self.head(x.mean((2, 3)))

def own_memory():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024

torch.set_num_threads(1)
nobody = np.zeros(0, np.int32)
def of(items):
    table = AnnotationTable(np.arange(items), (), tuple("abcdefghij"), nobody, nobody, nobody, nobody.astype(np.float32))
    pixels = np.broadcast_to(np.zeros((1, 3, 64, 64), np.uint8), (items, 3, 64, 64))  # takes no memory
    data = TrainingData(pixels, table, np.zeros(0), np.zeros(3), np.ones(3), torch.device("cpu"))
    return predict(Classifier(Averages()), data, np.arange(items))

of(2048)
before = own_memory()
p = of(16384)
assert p.shape == (16384, 10) and np.allclose(p.sum(1), 1)
print(own_memory() - before)
"""


def test_the_parts_of_a_prediction_leave_no_memory_behind() -> None:
    done = subprocess.run([sys.executable, "-c", PREDICT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 150  # MiB, of a few parts; the batches of all pixels have 192, and as numbers 768
