"""The messages of TensorFlow that `tensorflow-serving-api` imports, without TensorFlow (which is 600 MB): the same names and
numbers as in tensorflow/core/{framework,example,protobuf}, as far as the clients here use them."""

import sys
import types

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
KINDS = {
    "float": F.TYPE_FLOAT, "double": F.TYPE_DOUBLE, "int32": F.TYPE_INT32, "int64": F.TYPE_INT64, "bool": F.TYPE_BOOL,
    "string": F.TYPE_STRING, "bytes": F.TYPE_BYTES, "uint32": F.TYPE_UINT32, "uint64": F.TYPE_UINT64,
}


def fields(message, text, package="tensorflow"):
    """`name = number: kind`, one a line; `[kind]` is repeated, `<Message>` a map to messages by text, `(oneof)` at the end."""
    oneofs = {}
    for line in text.strip().splitlines():
        left, kind = (part.strip() for part in line.split(":", 1))
        name, number = (part.strip() for part in left.split("="))
        oneof = None
        if kind.endswith(")"):
            kind, oneof = kind[:-1].split("(")
            kind, oneof = kind.strip(), oneof.strip()
        field = message.field.add(name=name, number=int(number), label=F.LABEL_OPTIONAL)
        if kind.startswith("<"):
            entry = message.nested_type.add(name="".join(p.capitalize() for p in name.split("_")) + "Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, label=F.LABEL_OPTIONAL, type=F.TYPE_STRING)
            entry.field.add(
                name="value", number=2, label=F.LABEL_OPTIONAL, type=F.TYPE_MESSAGE, type_name=f".{package}.{kind[1:-1]}"
            )
            field.label, field.type = F.LABEL_REPEATED, F.TYPE_MESSAGE
            field.type_name = f".{package}.{message.name}.{entry.name}"
            continue
        if kind.startswith("["):
            field.label, kind = F.LABEL_REPEATED, kind[1:-1]
        if kind in KINDS:
            field.type = KINDS[kind]
        elif kind == "DataType":
            field.type, field.type_name = F.TYPE_ENUM, f".{package}.DataType"
        else:
            field.type, field.type_name = F.TYPE_MESSAGE, f".{package}.{kind}"
        if oneof:
            if oneof not in oneofs:
                oneofs[oneof] = len(message.oneof_decl)
                message.oneof_decl.add(name=oneof)
            field.oneof_index = oneofs[oneof]


def file(path, needs=(), enum=(None, {}), package="tensorflow", public=False, **messages):
    proto = descriptor_pb2.FileDescriptorProto(name=path, package=package, syntax="proto3", dependency=list(needs))
    if public:
        proto.public_dependency.append(0)
    if enum[0]:
        values = proto.enum_type.add(name=enum[0])
        for name, number in enum[1].items():
            values.value.add(name=name, number=number)
    for name, text in messages.items():
        outer, _, inner = name.partition("__")
        if inner:
            parent = next(m for m in proto.message_type if m.name == outer)
            fields(parent.nested_type.add(name=inner), text)
        else:
            fields(proto.message_type.add(name=name), text)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(proto.SerializeToString())
    module = types.ModuleType(path[: -len(".proto")].replace("/", ".") + "_pb2")
    module.DESCRIPTOR = pool.FindFileByName(path)
    for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
        setattr(module, name, message_factory.GetMessageClass(descriptor))
    parts = module.__name__.split(".")
    for depth in range(1, len(parts)):
        package = sys.modules.setdefault(".".join(parts[:depth]), types.ModuleType(".".join(parts[:depth])))
        package.__path__ = []
    sys.modules[module.__name__] = module
    setattr(sys.modules[".".join(parts[:-1])], parts[-1], module)
    return module


TYPES = {
    "DT_INVALID": 0, "DT_FLOAT": 1, "DT_DOUBLE": 2, "DT_INT32": 3, "DT_UINT8": 4, "DT_INT16": 5, "DT_INT8": 6,
    "DT_STRING": 7, "DT_INT64": 9, "DT_BOOL": 10, "DT_BFLOAT16": 14, "DT_UINT16": 17, "DT_HALF": 19, "DT_UINT32": 22,
    "DT_UINT64": 23,
}
CORE = "tensorflow/core/"
file(CORE + "framework/types.proto", enum=("DataType", TYPES))
CODES = {"OK": 0, "INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "FAILED_PRECONDITION": 9, "UNIMPLEMENTED": 12, "UNAVAILABLE": 14}
# The one is the other under an older name.
codes = file("xla/tsl/protobuf/error_codes.proto", enum=("Code", CODES), package="tensorflow.error")
older = file(CORE + "protobuf/error_codes.proto", needs=[codes.DESCRIPTOR.name], package="tensorflow.error", public=True)
older.xla_dot_tsl_dot_protobuf_dot_error__codes__pb2 = codes
file(
    CORE + "framework/tensor_shape.proto",
    TensorShapeProto="dim = 2: [TensorShapeProto.Dim]\nunknown_rank = 3: bool",
    TensorShapeProto__Dim="size = 1: int64\nname = 2: string",
)
tensor_pb2 = file(
    CORE + "framework/tensor.proto",
    needs=[CORE + "framework/types.proto", CORE + "framework/tensor_shape.proto"],
    TensorProto="""
        dtype = 1: DataType
        tensor_shape = 2: TensorShapeProto
        version_number = 3: int32
        tensor_content = 4: bytes
        float_val = 5: [float]
        double_val = 6: [double]
        int_val = 7: [int32]
        string_val = 8: [bytes]
        int64_val = 10: [int64]
        bool_val = 11: [bool]
        half_val = 13: [int32]
        uint32_val = 16: [uint32]
        uint64_val = 17: [uint64]
    """,
)
feature_pb2 = file(
    CORE + "example/feature.proto",
    BytesList="value = 1: [bytes]",
    FloatList="value = 1: [float]",
    Int64List="value = 1: [int64]",
    Feature="bytes_list = 1: BytesList (kind)\nfloat_list = 2: FloatList (kind)\nint64_list = 3: Int64List (kind)",
    Features="feature = 1: <Feature>",
)
example_pb2 = file(
    CORE + "example/example.proto", needs=[CORE + "example/feature.proto"], Example="features = 1: Features"
)
meta_graph_pb2 = file(
    CORE + "protobuf/meta_graph.proto",
    needs=[CORE + "framework/types.proto", CORE + "framework/tensor_shape.proto"],
    TensorInfo="name = 1: string (encoding)\ndtype = 2: DataType\ntensor_shape = 3: TensorShapeProto",
    SignatureDef="inputs = 1: <TensorInfo>\noutputs = 2: <TensorInfo>\nmethod_name = 3: string",
)
