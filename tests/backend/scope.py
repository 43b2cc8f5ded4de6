"""Which of the ONNX project's backend node tests are about operators that Verdict claims to prove."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

FAMILIES = {
    "dense and shape": """
        Gemm MatMul Add Sub Mul Div Neg Abs Sign Min Max Pow Sqrt Reciprocal Exp Log Sin Cos Tan Asin Acos Atan Floor
        Ceil Round Flatten Reshape Transpose Squeeze Unsqueeze Concat Split Slice Pad Gather GatherElements GatherND
        ScatterND ScatterElements NonZero OneHot CumSum Trilu Mod Size Cast CastLike And Or Xor Not Expand Tile Where
        Greater GreaterOrEqual Less LessOrEqual Equal Shape Range ConstantOfShape Identity Dropout Einsum""",
    "convolution and pooling": """
        Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceSum ReduceMean ReduceMax ReduceMin
        ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp Resize LpNormalization""",
    "activations and norms": """
        Relu LeakyRelu PRelu Clip Sigmoid Tanh HardSigmoid HardSwish Elu Selu Celu Softplus Softsign Erf Gelu Mish
        Softmax LogSoftmax BatchNormalization LayerNormalization InstanceNormalization GroupNormalization
        RMSNormalization ArgMax ArgMin TopK""",
    "sequence": "RNN GRU LSTM Attention",
    "quantised": """
        QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger DynamicQuantizeLinear""",
    "classical": """
        TreeEnsembleClassifier TreeEnsembleRegressor TreeEnsemble LinearClassifier LinearRegressor SVMClassifier
        SVMRegressor Scaler Normalizer Imputer OneHotEncoder LabelEncoder OrdinalEncoder Binarizer FeatureVectorizer
        ArrayFeatureExtractor ZipMap CategoryMapper""",
    "inlined or folded": "Constant If Loop Scan",
}
"""The promised table of operators."""

OPERATORS = frozenset(op for family in FAMILIES.values() for op in family.split())


def operators(graph: onnx.GraphProto) -> Iterator[str]:
    """Types of all nodes, those of subgraphs included."""
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from operators(inner)


def in_scope(model: onnx.ModelProto) -> bool:
    """Whether every node of the model is in the table."""
    return set(operators(model.graph)) <= OPERATORS
