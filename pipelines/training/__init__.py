"""`figureground train`: what is fed to the generator, the steps, checkpoints, and what is shown of them."""
