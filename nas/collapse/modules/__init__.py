"""Modules that a user brings, under one shared weight: equal channels are computed once.

The module is built without memory for its weights. Its `forward` then runs on tensors that hold
only distinct channels and how often each of them repeats (`segments`). Calls of torch functions
are intercepted (`interception`), and handlers compute the results (`operations`, `shapes`,
`convolutions`, `norms`). An operation without a handler is computed for all channels, and equal
channels are looked for in its result.
"""

from nas.collapse.modules.evaluation import Entries, collapsed_module

__all__ = ["Entries", "collapsed_module"]
