"""Networks that model coders in other ways than LTNet. Base network and annotations go in, a loss comes out."""
