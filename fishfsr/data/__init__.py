"""Shards → batches.

>>> dataset = ShardDataset("shards", split="train", scale=8)                                     # doctest: +SKIP
>>> loader = DataLoader(dataset, batch_size=64, shuffle=True, collate_fn=ShardDataset.collate)   # doctest: +SKIP
>>> hr, lr, skin = to_faces(next(iter(loader)), torch.device("cuda"))                            # doctest: +SKIP
"""

from fishfsr.data.batch import Batch, Faces, to_faces
from fishfsr.data.dataset import ShardDataset
from fishfsr.data.degradation import Degradation
from fishfsr.data.order import Order
from fishfsr.data.stream import Share, Stream

__all__ = ["Batch", "Degradation", "Faces", "Order", "ShardDataset", "Share", "Stream", "to_faces"]
