"""The kinds of procedural objects: families for training, and kinds kept for evaluation."""

from training.shapes import (
    abstract,
    animals,
    buildings,
    electronics,
    food,
    furniture,
    held_out,
    mechanical,
    tools,
    toys,
    vehicles,
    vessels,
)
from training.shapes.builder import Builder, Kind, draw

FAMILIES = (furniture, vessels, tools, vehicles, buildings, animals, mechanical, food, electronics, toys, abstract)
TRAINED: tuple[Kind, ...] = tuple(kind for family in FAMILIES for kind in family.KINDS)
HELD_OUT: tuple[Kind, ...] = held_out.KINDS

__all__ = ["FAMILIES", "HELD_OUT", "TRAINED", "Builder", "Kind", "draw"]
