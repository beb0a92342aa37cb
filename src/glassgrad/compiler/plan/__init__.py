"""From a graph to loops: passes, each from a list of kernels to a list of kernels.

group    which nodes share a loop nest, and what is stored
chunk    a part of the batch at a time, so that activations stay in the cache
within   updates inside the loops that read what they change
place    new values over old ones where that is safe, and the order of the kernels
tiles    how many points are worked on together; limits: which places of windows are there
repack   copies of operands that lie the wrong way round
layout   along which axis vectors run, which axis of a buffer is contiguous, addresses
share    which kernels several threads share, and along which axis
rotate   updates that wait for the next step, in whole epochs

Before them two passes change the graph: `quotient` divides a softmax once, and `single` writes
sums over one element as what they are.
"""
