# The compiled module. sinter.ops is its documented and typed interface.
from typing import Any

__version__: str
why_not: Any
scratch_bytes: Any

def __getattr__(name: str) -> Any: ...
