"""Pictures of networks: diagrams as plain data, and what draws them.

`parts` reads a network's layers, `traced` a module's graph; `units` finds the blocks and their
repeats; `diagrams` writes the diagrams of the whole and of each kind of block. `layout` gives
places to a diagram; `svg`, `png` and `text` (Mermaid, DOT) write it down. No torch is needed
except by `traced`, and no Graphviz.
"""

from nas.network.drawing.diagram import Arrow, Box, Diagram, Group
from nas.network.drawing.drawing import Drawing

__all__ = ["Arrow", "Box", "Diagram", "Drawing", "Group"]
