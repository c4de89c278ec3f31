"""Rectangles on the sheet, in whole pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def edges(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.right, self.bottom

    def contains(self, other: "Box") -> bool:
        return self.left <= other.left and self.top <= other.top and other.right <= self.right and other.bottom <= self.bottom

    def join(self, other: "Box") -> "Box":
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def inset(self, across: int, down: int) -> "Box":
        return Box(self.left + across, self.top + down, self.right - across, self.bottom - down)

    def columns(self, count: int, gutter: int) -> list["Box"]:
        """Equal columns; the pixels left over go to the gutters' rounding, never to one column alone."""
        step = (self.width + gutter) / count
        lefts = [self.left + round(n * step) for n in range(count)]
        width = (self.width - gutter * (count - 1)) // count
        return [Box(left, self.top, left + width, self.bottom) for left in lefts]

    def rows(self, count: int, gutter: int) -> list["Box"]:
        step = (self.height + gutter) / count
        tops = [self.top + round(n * step) for n in range(count)]
        height = (self.height - gutter * (count - 1)) // count
        return [Box(self.left, top, self.right, top + height) for top in tops]
