"""Arrays as addresses, as the kernels read and write them.

One compilation then serves any number of arrays, and none of them is counted in and out of every call: with arrays
handed from function to function, half of a funnel's time went into counting references.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from cdp.engine.columnar.arrow import Array

# Before and after every event.
NONE, FOREVER = -(2**62), 2**62


def loader(width: int, numba_type: Any) -> Any:
    @intrinsic
    def load(typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start = builder.inttoptr(arguments[0], ir.IntType(width).as_pointer())
            return builder.load(builder.gep(start, [arguments[1]]))

        return numba_type(types.int64, types.int64), generate

    return load


def storer(width: int, numba_type: Any) -> Any:
    @intrinsic
    def store(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            start = builder.inttoptr(arguments[0], ir.IntType(width).as_pointer())
            builder.store(arguments[2], builder.gep(start, [arguments[1]]))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, numba_type), generate

    return store


load_int8 = loader(8, types.int8)
load_uint8 = loader(8, types.uint8)
load_int16 = loader(16, types.int16)
load_int32 = loader(32, types.int32)
load_uint32 = loader(32, types.uint32)
load_int64 = loader(64, types.int64)
store_int16 = storer(16, types.int16)
store_int64 = storer(64, types.int64)


def address(array: Array | None) -> int:
    """0 for no array. The caller keeps the array alive."""
    return 0 if array is None else int(array.ctypes.data)
