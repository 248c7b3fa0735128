"""Videos of articulated puppets before moving scenes, with exact annotations: scene, renderer, truth."""
