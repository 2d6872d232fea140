"""Units with amounts of them that are common, and common currencies."""

import math
import random

DURATIONS = {
    "second": 90, "minute": 90, "hour": 72, "day": 100, "week": 52, "month": 36, "year": 100,
}  # fmt: skip
MEASURES = {
    "length-kilometer": 2000, "length-meter": 2000, "length-centimeter": 300,
    "length-millimeter": 900, "length-mile": 900, "length-foot": 30000, "length-inch": 90,
    "volume-liter": 900, "volume-milliliter": 900, "mass-kilogram": 2000, "mass-gram": 1000,
    "mass-tonne": 900, "mass-pound": 300, "concentr-percent": 100, "area-square-meter": 3000,
    "area-square-kilometer": 2000000, "area-hectare": 5000, "speed-kilometer-per-hour": 300,
    "speed-meter-per-second": 90, "speed-mile-per-hour": 200, "digital-megabyte": 1000,
    "digital-gigabyte": 500, "power-watt": 2000, "power-kilowatt": 500,
    "energy-kilowatt-hour": 9000, "energy-kilocalorie": 2500, "volume-cubic-meter": 5000,
}  # fmt: skip
"""Common units, each with the most of it that is common."""
_PORTIONS = ("length-kilometer", "length-mile", "volume-", "mass-", "energy-")
"""What is used or done by the day."""
_TEMPERATURES = {
    "temperature-celsius": (-30, 45), "temperature-fahrenheit": (-20, 110),
    "angle-degree": (-30, 45),
}  # fmt: skip
CURRENCIES = (
    "EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR", "RUB", "BRL", "MXN", "PLN", "TRY", "SEK",
    "NOK", "DKK", "CZK", "HUF", "CAD", "AUD", "NZD", "ZAR", "KRW", "THB", "UAH", "ARS", "CLP",
    "COP", "EGP", "ILS", "SAR",
)  # fmt: skip


def draw_quantity(shape: str, chance: random.Random) -> tuple[str, float]:
    """A unit or currency, and how much of it."""
    if shape == "money":
        return chance.choice(CURRENCIES), max(2, int(_number(100_000, chance)))
    if shape == "temperature":
        unit = chance.choice(list(_TEMPERATURES))
        least, most = _TEMPERATURES[unit]
        if chance.random() < 0.15:
            return unit, chance.randint(least, most) + chance.randint(1, 9) / 10
        # "-1 degree" is how CLDR has it, and few people.
        return unit, chance.choice([value for value in range(least, most + 1) if value != -1])
    if shape == "duration":
        unit = chance.choice(list(DURATIONS))
        part = 0.5 if chance.random() < 0.08 else 0
        whole = int((DURATIONS[unit] + 1) ** chance.random())  # small numbers are more common
        return f"duration-{unit}", whole + part
    units = [unit for unit in MEASURES if shape != "portion" or unit.startswith(_PORTIONS)]
    unit = chance.choice(units)
    return unit, _number(MEASURES[unit], chance)


def _number(most: int, chance: random.Random) -> float:
    """A number of any size, more often small or round than not."""
    size = chance.uniform(0, math.log10(most))
    if chance.random() < 0.3 and size < 3:
        return int(10**size) + chance.randint(1, 9) / 10
    number = int(10**size)
    return round(number, -(len(str(number)) - chance.choice((1, 2, 2, 9))))
