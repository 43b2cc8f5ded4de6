"""Models as typed graphs: the ONNX and ONNX-ML importer, shapes, constant folding and the table of operators.

:func:`import_model` gives a :class:`Graph` whose tensors all have a static shape and dtype; ``Graph.run`` evaluates it
in floating point. Importing this package loads no onnx.
"""

from prover.graph.importer import import_model
from prover.graph.ir import Array, Graph, Node, TensorInfo
from prover.graph.limits import Limits

__all__ = ["Array", "Graph", "Limits", "Node", "TensorInfo", "import_model"]
