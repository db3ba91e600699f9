"""From recipes to curves: find recipes, plan points, run them in parallel, resume, keep them."""

from neuromorph.characterization.recipes import find_recipe, load_recipe, recipe_names
from neuromorph.characterization.runner import Summary, characterize, measure

__all__ = ["Summary", "characterize", "find_recipe", "load_recipe", "measure", "recipe_names"]
