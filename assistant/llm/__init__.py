"""An optional chat model: it words the answer, and every sentence is checked against its quotes."""
