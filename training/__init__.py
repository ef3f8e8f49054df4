"""How the reader in `assistant/reader/` was trained; see training/README.md."""
