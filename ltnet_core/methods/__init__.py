"""Networks that model coders in other ways than LTNet."""
