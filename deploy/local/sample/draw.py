"""Draws the five illustrated photos of 봄날커피 anew: `python -m deploy.local.sample.draw`, Pillow only."""

import math
import random

from PIL import ImageChops

from deploy.local.sample.scene import Point, Scene, block, oval, path, rgb


def sun(scene: Scene, x: float, y: float, size: float, colour: str, ground: str) -> None:
    """The shop's mark: a spring sun over two hills."""
    disc = oval(x, y, size, size)
    scene.paint(disc, rgb(colour))
    for shift, lift in ((-0.55, 0.62), (0.62, 0.80)):
        hill = oval(x + size * shift, y + size * (lift + 0.62), size * 1.05, size * 0.9)
        both = ImageChops.multiply(scene.mask(disc), scene.mask(hill))
        scene.image.paste(rgb(ground), (0, 0), both)
        inner = oval(x + size * shift, y + size * (lift + 0.70), size * 1.05, size * 0.9)
        scene.image.paste(rgb(colour), (0, 0), ImageChops.multiply(both, scene.mask(inner)))


def bean(scene: Scene, x: float, y: float, size: float, turn: float) -> None:
    scene.glow(oval(x + size * 0.35, y + size * 0.42, size * 1.05, size * 0.5, turn), rgb("5A2E17"), 150, 9)
    body = oval(x, y, size, size * 0.68, turn)
    scene.paint(body, [(0, rgb("8A5432")), (0.55, rgb("5C3018")), (1, rgb("38190B"))])
    scene.glow(oval(x - size * 0.25, y - size * 0.32, size * 0.5, size * 0.16, turn), (255, 226, 196), 120, 8, body)
    angle = math.radians(turn)
    crease = []
    for side in (-1, 1):
        for step in range(-20, 21):
            t = step / 20 * side
            u, v = t * size * 0.88, math.sin(t * math.pi) * size * 0.13 + side * size * 0.045 * (1 - t * t)
            crease.append((x + u * math.cos(angle) - v * math.sin(angle), y + u * math.sin(angle) + v * math.cos(angle)))
    scene.paint(crease, rgb("2A1207"))


def beans() -> None:
    scene = Scene(("F6E3CF", "EFCFB1"), ("E3B48F", "D59E76"), 0.86)
    scene.stand(600, 968, 232, "5A2A14")
    body = path((392, 300), (384, 470, 352, 640, 366, 960), (430, 982, 770, 982, 834, 960), (848, 640, 816, 470, 808, 300))
    scene.paint(
        body,
        [(0, rgb("8F3A1E")), (0.10, rgb("B4532F")), (0.42, rgb("CC6A41")), (0.80, rgb("B04C29")), (1, rgb("7E3018"))],
        across=True,
    )
    scene.shade(body, [(0, 0), (0.7, 0), (1, 95)], across=False)
    left = path((392, 300), (384, 470, 352, 640, 366, 960), (380, 966), (440, 880, 430, 500, 428, 300))
    right = path((808, 300), (816, 470, 848, 640, 834, 960), (820, 966), (760, 880, 770, 500, 772, 300))
    scene.shade(left, [(0, 20), (1, 70)])
    scene.shade(right, [(0, 95), (1, 30)])
    scene.glow(path((440, 320), (470, 320), (462, 560, 456, 720, 470, 930), (440, 930)), (255, 222, 196), 80, 16, body)
    scene.shade(path((392, 300), (500, 352, 700, 352, 808, 300), (700, 326, 500, 326, 392, 300)), [(0, 60), (1, 60)])
    fold = path(
        (386, 196), (814, 196), (816, 232, 814, 274, 810, 306), (700, 318, 500, 318, 390, 306), (386, 274, 384, 232, 386, 196)
    )
    scene.glow([(x, y + 20) for x, y in fold], rgb("4A1A0A"), 150, 14, body)
    scene.paint(
        fold,
        [(0, rgb("93401F")), (0.12, rgb("B9582F")), (0.45, rgb("D6764B")), (0.85, rgb("B04E2A")), (1, rgb("86351A"))],
        across=True,
    )
    scene.shade(block(386, 196, 814, 208), [(0, 60), (1, 60)], light=True)
    scene.shade(block(388, 246, 812, 250), [(0, 70), (1, 70)])
    scene.paint(block(372, 258, 828, 284, 12), [(0, rgb("F4E7D2")), (1, rgb("D9C3A3"))])
    label = block(452, 432, 748, 846, 10)
    scene.glow([(x + 4, y + 8) for x, y in label], rgb("4A1A0A"), 110, 10, body)
    scene.paint(label, [(0, rgb("F3E6D3")), (0.45, rgb("FFF8EC")), (1, rgb("EAD8BF"))], across=True)
    sun(scene, 600, 546, 62, "C65A33", "FBF1E2")
    scene.text("봄날커피", (600, 690), 56, "3A2118", gap=-1)
    scene.text("HOUSE BLEND", (600, 740), 23, "B04E2A", gap=4)
    scene.paint(block(560, 768, 640, 771), rgb("D9B594"))
    scene.text("초콜릿 · 견과 · 오렌지", (600, 810), 21, "6E5142", bold=False)
    for spot in (
        (250, 1010, 34, -20),
        (322, 1052, 38, 30),
        (906, 1040, 36, -40),
        (984, 1000, 30, 15),
        (840, 1078, 34, 70),
        (424, 1086, 31, -65),
    ):
        bean(scene, *spot)
    scene.save("beans.jpg")


def dripbag() -> None:
    scene = Scene(("E4EBDD", "CFDBC4"), ("B7C7A6", "A3B591"), 0.94)
    scene.stand(590, 956, 285, "2E3D24")
    front = [(300.0, 420.0), (720.0, 440.0), (720.0, 985.0), (300.0, 940.0)]
    side = [(720.0, 440.0), (890.0, 405.0), (890.0, 925.0), (720.0, 985.0)]
    top = [(300.0, 420.0), (476.0, 388.0), (890.0, 405.0), (720.0, 440.0)]
    scene.paint(front, [(0, rgb("FFFDF6")), (1, rgb("F1EADB"))], across=True)
    scene.paint(side, [(0, rgb("D8CFBB")), (1, rgb("C4B99F"))], across=True)
    scene.paint(top, [(0, rgb("FFFFFB")), (1, rgb("F4EEDF"))], across=True)
    for top_left, top_right, foot_right, foot_left, face, dark in (
        (690, 722, 985, 940, "4F7048", "3B5836"),
        (742, 768, 985, 940, "6C8F5E", "50744A"),
        (806, 838, 985, 940, "8DAE79", "6A8F60"),
    ):
        wave = path(
            (300, top_left),
            (400, top_left - 70, 470, top_left - 50, 540, top_left + 10),
            (600, top_left + 60, 660, top_right + 30, 720, top_right),
            (720, foot_right),
            (300, foot_left),
        )
        scene.paint(wave, rgb(face))
        scene.paint(
            path((720, top_right), (780, top_right - 34, 830, top_right - 30, 890, top_right - 74), (890, 925), (720, 985)),
            rgb(dark),
        )
    scene.paint(oval(612, 628, 50, 50), rgb("E9A43C"))
    scene.text("봄날커피", (452, 545), 58, "2F4A2C", gap=-1)
    scene.text("DRIP BAG · 10", (440, 592), 25, "6F8A60", gap=3)
    scene.shade(front, [(0, 0), (0.86, 0), (1, 34)])
    scene.shade([(300.0, 420.0), (304.0, 420.2), (304.0, 940.5), (300.0, 940.0)], [(0, 130), (1, 130)], light=True)
    scene.shade([(717.0, 440.0), (722.0, 440.0), (722.0, 985.0), (717.0, 985.0)], [(0, 120), (1, 120)], light=True)
    scene.stand(800, 1046, 130, "2E3D24", 0.7)
    pouch = [(664.0, 726.0), (918.0, 700.0), (952.0, 1034.0), (698.0, 1060.0)]
    scene.glow([(x + 10, y + 12) for x, y in pouch], rgb("2E3D24"), 110, 16)
    scene.paint(pouch, [(0, rgb("3E6140")), (0.4, rgb("5B8158")), (0.75, rgb("476B46")), (1, rgb("355536"))], across=True)
    for share in (0.0, 0.9):
        y = 334 * share
        x = 34 * share
        seal = [(664 + x, 726 + y), (918 + x, 700 + y), (921.4 + x, 733 + y), (667.4 + x, 759 + y)]
        scene.shade(seal, [(0, 46), (1, 46)], light=True)
    scene.shade([(690.0, 760.0), (730.0, 756.0), (757.0, 1020.0), (717.0, 1024.0)], [(0, 0), (0.5, 60), (1, 0)], light=True)
    sun(scene, 808, 850, 46, "F3E2B8", "4B7049")
    scene.text("한 잔의 봄날", (810, 955), 30, "F6F1E0")
    scene.save("dripbag.jpg")


def coldbrew() -> None:
    scene = Scene(("DCEBF2", "BFD9E6"), ("9FC2D4", "86AEC4"), 0.84)
    scene.stand(500, 984, 150, "1D3C4E")
    glass = path(
        (452, 262),
        (452, 330, 440, 372, 404, 420),
        (372, 462, 356, 500, 356, 560),
        (356, 940),
        (356, 984, 380, 996, 420, 998),
        (580, 998),
        (620, 996, 644, 984, 644, 940),
        (644, 560),
        (644, 500, 628, 462, 596, 420),
        (560, 372, 548, 330, 548, 262),
    )
    scene.paint(glass, [(0, rgb("CFE0E6")), (0.5, rgb("F2F8FA")), (1, rgb("B7CEd8".upper()))], across=True)
    liquid = path(
        (444, 360),
        (436, 388, 424, 404, 410, 424),
        (380, 466, 368, 502, 368, 560),
        (368, 936),
        (368, 974, 388, 984, 424, 986),
        (576, 986),
        (612, 984, 632, 974, 632, 936),
        (632, 560),
        (632, 502, 620, 466, 590, 424),
        (576, 404, 564, 388, 556, 360),
    )
    scene.paint(
        liquid,
        [
            (0, rgb("1F0E08")),
            (0.16, rgb("4A2413")),
            (0.34, rgb("2B140B")),
            (0.75, rgb("32180D")),
            (0.92, rgb("6B3A1E")),
            (1, rgb("2A130A")),
        ],
        across=True,
    )
    scene.paint(oval(500, 361, 56, 9), rgb("7A4526"))
    scene.glow(path((386, 540), (400, 540), (400, 930), (386, 930)), (255, 255, 255), 150, 7, glass)
    scene.glow(path((606, 540), (614, 540), (614, 900), (606, 900)), (255, 220, 190), 90, 8, glass)
    scene.glow(path((420, 420), (436, 412), (400, 500), (384, 520)), (255, 255, 255), 170, 6, glass)
    scene.paint(
        block(438, 178, 562, 272, 12),
        [(0, rgb("22343D")), (0.3, rgb("4A626E")), (0.6, rgb("2B3F49")), (1, rgb("16242B"))],
        across=True,
    )
    for x in range(448, 560, 14):
        scene.shade(block(x, 184, x + 3, 266), [(0, 70), (1, 70)])
    label = block(357, 590, 643, 868)
    scene.paint(
        label,
        [(0, rgb("CFC6B4")), (0.14, rgb("F7F1E4")), (0.55, rgb("FFFDF7")), (0.86, rgb("EDE5D4")), (1, rgb("C2B8A2"))],
        across=True,
    )
    scene.paint(block(357, 590, 643, 602), [(0, rgb("1F5872")), (0.5, rgb("2F7A9B")), (1, rgb("1A4C63"))], across=True)
    sun(scene, 500, 668, 40, "2F7A9B", "FCF8EE")
    scene.text("봄날커피", (500, 772), 46, "1C3642", gap=-1)
    scene.text("COLD BREW", (500, 812), 22, "2F7A9B", gap=4)
    scene.text("500ml", (500, 846), 19, "6B7C84", bold=False)
    _iced_glass(scene)
    scene.save("coldbrew.jpg")


def _iced_glass(scene: Scene) -> None:
    scene.stand(800, 1046, 112, "1D3C4E", 0.8)
    cup = path(
        (684, 690), (916, 690), (896, 1024), (894, 1052, 880, 1060, 858, 1060), (742, 1060), (720, 1060, 706, 1052, 704, 1024)
    )
    scene.paint(cup, [(0, rgb("C2D9E4")), (0.3, rgb("EAF4F8")), (1, rgb("B0CBD8"))], across=True)
    drink = path(
        (693, 762), (907, 762), (889, 1016), (886, 1038, 876, 1044, 856, 1044), (744, 1044), (724, 1044, 714, 1038, 711, 1016)
    )
    scene.paint(drink, [(0, rgb("A9683A")), (0.3, rgb("7A421F")), (1, rgb("3A1B0C"))])
    scene.shade(drink, [(0, 70), (0.2, 0), (0.8, 0), (1, 90)])
    scene.paint(oval(800, 762, 107, 15), [(0, rgb("C98B58")), (1, rgb("9A5C31"))])
    for x, y, size, turn in ((760, 766, 46, 14), (842, 778, 42, -18), (800, 838, 44, 32)):
        corners = [
            (x + size * math.cos(math.radians(turn + a)), y + size * math.sin(math.radians(turn + a)))
            for a in (45, 135, 225, 315)
        ]
        cube = scene.mask(corners).point(lambda value: value * 105 // 255)
        scene.image.paste((255, 240, 226), (0, 0), cube)
        inner = [
            (x + size * 0.72 * math.cos(math.radians(turn + a)), y + size * 0.72 * math.sin(math.radians(turn + a)))
            for a in (45, 135, 225, 315)
        ]
        scene.glow(inner, (255, 255, 255), 70, 8)
    scene.glow(path((712, 720), (728, 720), (740, 1020), (728, 1020)), (255, 255, 255), 190, 6, cup)
    rim = ImageChops.subtract(scene.mask(oval(800, 690, 116, 16)), scene.mask(oval(800, 691, 110, 12)))
    scene.image.paste((250, 253, 255), (0, 0), rim)


def cake() -> None:
    scene = Scene(("FBE6E4", "F5D0CF"), ("EDBBBB", "E2A6A8"))
    scene.glow(oval(650, 1000, 430, 84), rgb("7C3A42"), 120, 30)
    scene.paint(oval(600, 968, 430, 112), [(0, rgb("FFFFFF")), (0.6, rgb("F3ECE8")), (1, rgb("CDBDB9"))])
    scene.paint(oval(600, 954, 426, 106), [(0, rgb("FFFEFC")), (1, rgb("F2EAE6"))])
    scene.paint(oval(600, 950, 318, 74), [(0, rgb("EBE0DC")), (1, rgb("FAF5F2"))])
    tip, back, far = (300.0, 640.0), (868.0, 592.0), (716.0, 474.0)
    drop = 330
    scene.glow([(300.0, 966.0), (868.0, 912.0), (940.0, 938.0), (380.0, 994.0)], rgb("6E4A45"), 150, 12)
    grains = random.Random(7)
    wall = [tip, back, (back[0], back[1] + drop), (tip[0], tip[1] + drop)]
    layers = (
        ("5F8A3C", 0.0, 0.09),
        ("7FA653", 0.09, 0.34),
        ("FFF7E8", 0.34, 0.44),
        ("7FA653", 0.44, 0.68),
        ("FFF7E8", 0.68, 0.77),
        ("7FA653", 0.77, 1.0),
    )
    for colour, start, end in layers:
        band = _band(tip, back, drop, start, end)
        scene.paint(band, rgb(colour))
    for start, end in ((0.09, 0.34), (0.44, 0.68), (0.77, 1.0)):
        band = _band(tip, back, drop, start, end)
        for n in range(26):
            share, depth = (n + grains.random()) / 26, grains.random()
            x = tip[0] + 14 + (back[0] - tip[0] - 28) * share
            y = tip[1] + (back[1] - tip[1]) * share + drop * (start + (end - start) * (0.14 + 0.72 * depth))
            scene.paint(oval(x, y, 3.6 + n % 3, 2.4 + n % 2, -5), rgb("6B9145" if n % 2 else "96BA6A"))
        scene.shade(band, [(0, 26), (0.2, 0), (1, 20)], across=False)
    scene.shade(wall, [(0, 0), (0.55, 10), (1, 70)])
    scene.shade(wall, [(0, 0), (0.75, 0), (1, 46)], across=False)
    crown = [tip, far, back]
    scene.paint(crown, [(0, rgb("A9CB7C")), (1, rgb("84AE55"))])
    scene.glow([(330.0, 636.0), (700.0, 490.0), (690.0, 540.0)], (255, 255, 235), 110, 22, crown)
    for n in range(5):
        share = n / 4
        _cream(scene, far[0] + (back[0] - far[0]) * share, far[1] + (back[1] - far[1]) * share + 6, 46)
    _strawberry(scene, 596, 548)
    scene.save("cake.jpg")


def _band(tip: Point, back: Point, drop: float, start: float, end: float) -> list[Point]:
    """A layer of the cut face, its lower edge a little uneven as a knife leaves it."""
    upper = [(tip[0], tip[1] + drop * start), (back[0], back[1] + drop * start)]
    lower = []
    for step in range(24, -1, -1):
        share = step / 24
        wave = math.sin(share * 15 + end * 20) * 2.2 if end < 1 else 0
        lower.append((tip[0] + (back[0] - tip[0]) * share, tip[1] + (back[1] - tip[1]) * share + drop * end + wave))
    return upper + lower


def _cream(scene: Scene, x: float, y: float, size: float) -> None:
    scene.glow(oval(x + 8, y + 14, size * 0.9, size * 0.4), rgb("3F5C25"), 110, 8)
    for lift, share in ((0, 1.0), (-0.38, 0.78), (-0.72, 0.5)):
        puff = oval(x, y + lift * size, size * share, size * share * 0.62)
        scene.paint(puff, [(0, rgb("FFFFFF")), (0.5, rgb("FFFAF0")), (1, rgb("E6D9C4"))])
    scene.paint(
        path(
            (x - 14, y - size * 0.9),
            (x - 6, y - size * 1.2, x, y - size * 1.3, x + 4, y - size * 1.42),
            (x + 8, y - size * 1.2, x + 12, y - size, x + 14, y - size * 0.9),
        ),
        rgb("FFFDF8"),
    )


def _strawberry(scene: Scene, x: float, y: float) -> None:
    scene.glow(oval(x + 26, y + 34, 84, 30), rgb("3F5C25"), 150, 12)
    berry = path(
        (x - 72, y - 26),
        (x - 70, y - 80, x - 20, y - 92, x, y - 78),
        (x + 20, y - 92, x + 70, y - 80, x + 72, y - 26),
        (x + 74, y + 22, x + 24, y + 54, x, y + 58),
        (x - 24, y + 54, x - 74, y + 22, x - 72, y - 26),
    )
    scene.paint(berry, [(0, rgb("F05A50")), (0.45, rgb("DB2F38")), (1, rgb("A8182A"))])
    scene.glow(oval(x - 34, y - 40, 20, 26, 20), (255, 255, 255), 190, 10, berry)
    for n in range(17):
        angle, reach = n * 2.39996, math.sqrt((n + 0.6) / 17)
        scene.paint(oval(x + 58 * reach * math.cos(angle), y - 8 + 50 * reach * math.sin(angle), 3.4, 5), rgb("F9CF7A"))
    for turn in (-160, -125, -90, -55, -20):
        angle = math.radians(turn)
        ex, ey = x + 54 * math.cos(angle), y - 74 + 30 * math.sin(angle)
        nx, ny = -math.sin(angle) * 15, math.cos(angle) * 9
        scene.paint(
            path(
                (x, y - 66), (x + nx, y - 76 + ny, ex + nx, ey + ny, ex, ey), (ex - nx, ey - ny, x - nx, y - 76 - ny, x, y - 66)
            ),
            rgb("4F8A3A"),
        )


def tumbler() -> None:
    scene = Scene(("FBEBC8", "F6DAA0"), ("EBC078", "DDAA58"), 0.82)
    scene.stand(600, 1004, 158, "6B3F0C")
    body = path((418, 330), (452, 968), (454, 1004, 500, 1022, 600, 1022), (700, 1022, 746, 1004, 748, 968), (782, 330))
    scene.paint(
        body,
        [
            (0, rgb("12302B")),
            (0.10, rgb("1F4A42")),
            (0.30, rgb("3C7467")),
            (0.44, rgb("2D5F54")),
            (0.80, rgb("1B433B")),
            (0.95, rgb("2A564C")),
            (1, rgb("143630")),
        ],
        across=True,
    )
    scene.shade(
        path(
            (450, 930),
            (452, 968),
            (454, 1004, 500, 1022, 600, 1022),
            (700, 1022, 746, 1004, 748, 968),
            (750, 930),
            (700, 958, 500, 958, 450, 930),
        ),
        [(0, 40), (1, 80)],
    )
    scene.glow(path((492, 380), (520, 380), (536, 950), (516, 950)), (220, 255, 240), 105, 14, body)
    scene.glow(path((742, 380), (752, 380), (726, 940), (718, 940)), (220, 255, 240), 70, 8, body)
    scene.paint(
        path((410, 312), (412, 344, 460, 366, 600, 366), (740, 366, 788, 344, 790, 312), (788, 286), (412, 286)),
        [(0, rgb("8F979A")), (0.22, rgb("F4F7F8")), (0.5, rgb("B9C1C4")), (0.8, rgb("E4E9EA")), (1, rgb("7C8487"))],
        across=True,
    )
    lid = path((404, 218), (404, 296), (404, 322, 470, 338, 600, 338), (730, 338, 796, 322, 796, 296), (796, 218))
    scene.paint(lid, [(0, rgb("181C1B")), (0.25, rgb("4A5250")), (0.5, rgb("2B3130")), (1, rgb("121514"))], across=True)
    scene.paint(oval(600, 218, 196, 44), [(0, rgb("59615F")), (1, rgb("333938"))])
    scene.paint(oval(600, 222, 168, 34), [(0, rgb("232827")), (1, rgb("3D4442"))])
    slide = block(560, 200, 700, 232, 15)
    scene.glow([(x + 4, y + 6) for x, y in slide], (0, 0, 0), 140, 6)
    scene.paint(slide, [(0, rgb("F0C56B")), (1, rgb("CE9836"))])
    sun(scene, 600, 596, 74, "F3D48B", "2D5F54")
    scene.text("봄날커피", (600, 762), 54, "F7E9C6", gap=-1)
    scene.text("SPRING DAY ROASTERS", (600, 806), 19, "C9D5B0", gap=3)
    scene.shade(path((418, 330), (782, 330), (779, 392), (700, 408, 500, 408, 421, 392)), [(0, 80), (1, 0)], across=False)
    scene.save("tumbler.jpg")


if __name__ == "__main__":
    for draw in (beans, dripbag, coldbrew, cake, tumbler):
        draw()
