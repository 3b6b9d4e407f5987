"""Pure accounting: frames, factors and settings in, figures with their terms out."""
