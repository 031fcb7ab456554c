"""Results -> figures: styles, pure drawing functions (arrays -> figure and numbers), what each analysis draws, the plotting stage."""
