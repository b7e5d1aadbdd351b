"""Modules that a user brings, under one shared weight: equal channels are computed once.

A module is built without memory and run on tensors that carry only distinct channels and how
often each repeats (`segments`); torch functions are intercepted (`interception`) and answered by
handlers (`operations`, `shapes`, `convolutions`, `norms`). What no handler knows is computed for
all channels, and its result compressed again.
"""

from nas.collapse.modules.evaluation import Entries, collapsed_module

__all__ = ["Entries", "collapsed_module"]
