"""How the reader in `assistant/reader/` was trained; see research/training/README.md."""
