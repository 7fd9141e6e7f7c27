"""What names mean: of classes, images, parts of the data, and of nothing at all."""
