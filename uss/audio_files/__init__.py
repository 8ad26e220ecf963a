"""Audio files of any format and length: what their bytes are, and their samples."""
