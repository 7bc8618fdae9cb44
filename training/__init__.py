"""Training of sinter's small image-to-shape model, on procedural data alone."""
