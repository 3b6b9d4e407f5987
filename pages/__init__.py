"""Pages: each declares its panels and layout; nothing here reads data or counts."""
