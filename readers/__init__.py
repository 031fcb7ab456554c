"""Files of events -> lazy awkward records."""

from readers.registry import open_source
from readers.source import Column, ReadError, Source, SourceError

__all__ = ["Column", "ReadError", "Source", "SourceError", "open_source"]
