"""What people write around a date, a time or a quantity, in several languages.

CLDR has no such phrases. Each entry of a table is one meaning, by language; a language that is
missing has no phrase for it here. ` | ` separates ways to write it, of which the first is the
standard. A name in braces is a field that training.locale_phrases.writing fills in. A meaning that
stands twice is drawn twice as often.
"""

_Meaning = dict[str, str]

FRAMES: dict[str, tuple[_Meaning, ...]] = {
    "day": (
        {"en": "on {day}", "de": "am {day}", "es": "el {day}"},
        {"en": "on {day}", "de": "am {day}", "es": "el {day}"},
        {"en": "on {weekday}, {day} | on {weekday} {day}",
         "de": "am {weekday}, dem {day} | am {weekday}, den {day} | am {weekday}, {day}",
         "es": "el {weekday} {day} | el {weekday}, {day}"},
        {"en": "until {day} | till {day}", "de": "bis zum {day} | bis {day}",
         "es": "hasta el {day}"},
        {"en": "since {day}", "de": "seit dem {day}", "es": "desde el {day}"},
        {"en": "by {day}", "de": "bis zum {day}", "es": "para el {day}"},
        {"en": "before {day}", "de": "vor dem {day}", "es": "antes del {day}"},
        {"en": "after {day}", "de": "nach dem {day}", "es": "después del {day}"},
        {"en": "from {day} on | from {day} onwards | starting {day}",
         "de": "ab dem {day} | ab {day}", "es": "a partir del {day}"},
        {"en": "from {day} to {later_day} | from {day} until {later_day}",
         "de": "vom {day} bis zum {later_day} | vom {day} bis {later_day}",
         "es": "del {day} al {later_day} | desde el {day} hasta el {later_day}"},
        {"en": "between {day} and {later_day}", "de": "zwischen dem {day} und dem {later_day}",
         "es": "entre el {day} y el {later_day}"},
    ),
    "weekday": (
        {"en": "on {weekday}", "de": "am {weekday}", "es": "el {weekday}"},
        {"en": "every {weekday}", "de": "jeden {weekday}", "es": "cada {weekday}"},
        {"en": "next {weekday}", "de": "nächsten {weekday} | am nächsten {weekday}",
         "es": "el próximo {weekday}"},
        {"en": "last {weekday}", "de": "letzten {weekday} | am letzten {weekday}",
         "es": "el {weekday} pasado | el pasado {weekday}"},
        {"en": "until {weekday} | till {weekday}", "de": "bis {weekday}",
         "es": "hasta el {weekday}"},
        {"en": "since {weekday}", "de": "seit {weekday}", "es": "desde el {weekday}"},
        {"en": "by {weekday}", "de": "bis {weekday}", "es": "para el {weekday}"},
        {"en": "before {weekday}", "de": "vor {weekday}", "es": "antes del {weekday}"},
        {"en": "after {weekday}", "de": "nach {weekday}", "es": "después del {weekday}"},
        {"en": "from {weekday} to {later_weekday} | from {weekday} through {later_weekday}",
         "de": "von {weekday} bis {later_weekday}", "es": "de {weekday} a {later_weekday}"},
        {"en": "between {weekday} and {later_weekday}",
         "de": "zwischen {weekday} und {later_weekday}",
         "es": "entre el {weekday} y el {later_weekday}"},
        {"en": "on {weekday} morning", "de": "am {weekday}morgen",
         "es": "el {weekday} por la mañana"},
        {"en": "on {weekday} afternoon", "de": "am {weekday}nachmittag",
         "es": "el {weekday} por la tarde"},
        {"en": "on {weekday} night | on {weekday} evening", "de": "am {weekday}abend",
         "es": "el {weekday} por la noche"},
    ),
    "month": (
        {"en": "in {month}", "de": "im {month}", "es": "en {month}"},
        {"en": "in {month}", "de": "im {month}", "es": "en {month}"},
        {"en": "until {month} | till {month}", "de": "bis {month}", "es": "hasta {month}"},
        {"en": "since {month}", "de": "seit {month}", "es": "desde {month}"},
        {"en": "before {month}", "de": "vor {month}", "es": "antes de {month}"},
        {"en": "from {month} to {later_month} | from {month} until {later_month}",
         "de": "von {month} bis {later_month}", "es": "de {month} a {later_month}"},
        {"en": "between {month} and {later_month}", "de": "zwischen {month} und {later_month}",
         "es": "entre {month} y {later_month}"},
        {"en": "at the beginning of {month} | in early {month}", "de": "Anfang {month}",
         "es": "a principios de {month}"},
        {"en": "in mid-{month} | in the middle of {month}", "de": "Mitte {month}",
         "es": "a mediados de {month}"},
        {"en": "at the end of {month} | in late {month}", "de": "Ende {month}",
         "es": "a finales de {month} | a fines de {month}"},
    ),
    "year": (
        {"en": "in {year} | in the year {year}", "de": "im Jahr {year} | im Jahre {year}",
         "es": "en {year} | en el año {year}"},
        {"en": "since {year}", "de": "seit {year}", "es": "desde {year}"},
        {"en": "until {year}", "de": "bis {year}", "es": "hasta {year}"},
        {"en": "before {year}", "de": "vor {year}", "es": "antes de {year}"},
        {"en": "after {year}", "de": "nach {year}", "es": "después de {year}"},
        {"en": "at the end of {year} | in late {year}", "de": "Ende {year}",
         "es": "a finales de {year}"},
        {"en": "from {year} to {later_year}", "de": "von {year} bis {later_year}",
         "es": "de {year} a {later_year}"},
        {"en": "between {year} and {later_year}", "de": "zwischen {year} und {later_year}",
         "es": "entre {year} y {later_year}"},
        {"en": "in the {decade}s", "de": "in den {decade}er Jahren",
         "es": "en la década de {decade} | en los años {decade}"},
    ),
    "time": (
        {"en": "{time}", "de": "{time} Uhr", "es": "las {time}"},
        {"en": "at {time} | at {clock}", "de": "um {time} Uhr", "es": "a las {time}"},
        {"en": "at {time} | at {clock}", "de": "um {time} Uhr", "es": "a las {time}"},
        {"en": "until {time} | until {clock} | till {time}", "de": "bis {time} Uhr",
         "es": "hasta las {time}"},
        {"en": "since {time} | since {clock}", "de": "seit {time} Uhr", "es": "desde las {time}"},
        {"en": "by {time} | by {clock}", "de": "bis {time} Uhr", "es": "para las {time}"},
        {"en": "before {time} | before {clock}", "de": "vor {time} Uhr",
         "es": "antes de las {time}"},
        {"en": "after {time} | after {clock}", "de": "nach {time} Uhr",
         "es": "después de las {time}"},
        {"en": "around {time} | at about {time}", "de": "gegen {time} Uhr",
         "es": "sobre las {time} | hacia las {time}"},
        {"en": "from {time} to {later_time} | from {clock} to {later_clock}",
         "de": "von {time} bis {later_time} Uhr | von {time} Uhr bis {later_time} Uhr",
         "es": "de las {time} a las {later_time} | desde las {time} hasta las {later_time}"},
        {"en": "between {time} and {later_time} | between {clock} and {later_clock}",
         "de": "zwischen {time} und {later_time} Uhr",
         "es": "entre las {time} y las {later_time}"},
        {"en": "today at {time} | today at {clock}", "de": "heute um {time} Uhr",
         "es": "hoy a las {time}"},
        {"en": "tomorrow at {time} | tomorrow at {clock}", "de": "morgen um {time} Uhr",
         "es": "mañana a las {time}"},
        {"en": "on {weekday} at {time} | {weekday} at {time} | on {weekday} at {clock}",
         "de": "am {weekday} um {time} Uhr | {weekday} um {time} Uhr",
         "es": "el {weekday} a las {time}"},
        {"en": "on {day} at {time} | on {day} at {clock} | at {time} on {day}",
         "de": "am {day} um {time} Uhr", "es": "el {day} a las {time}"},
    ),
    "duration": (
        {"en": "for {amount}", "de": "{amount} lang", "es": "durante {amount}"},
        {"en": "after {amount}", "de": "nach {amount_dative}", "es": "después de {amount}"},
        {"en": "within {amount}", "de": "innerhalb von {amount_dative}",
         "es": "en un plazo de {amount}"},
        {"en": "every {amount}", "de": "alle {amount}", "es": "cada {amount}"},
        {"en": "{amount} later", "de": "{amount} später",
         "es": "{amount} después | {amount} más tarde"},
        {"en": "{amount} earlier", "de": "{amount} früher", "es": "{amount} antes"},
    ),
    "temperature": (
        {"en": "minus {size}", "de": "minus {size}", "es": "menos {size}"},
        {"en": "{size} below zero", "de": "{size} unter null", "es": "{size} bajo cero"},
        {"en": "at {amount}", "de": "bei {amount}", "es": "a {amount}"},
    ),
    "portion": (
        {"en": "{amount} per day | {amount} a day", "de": "{amount} pro Tag",
         "es": "{amount} al día | {amount} por día"},
        {"en": "{amount} per week | {amount} a week", "de": "{amount} pro Woche",
         "es": "{amount} a la semana | {amount} por semana"},
    ),
    "measure": (
        {"en": "{number} to {more}", "de": "{number} bis {more}", "es": "de {number} a {more}"},
        {"en": "between {number} and {more}", "de": "zwischen {number} und {more_dative}",
         "es": "entre {number} y {more}"},
    ),
    "amount": (
        {"en": "about {amount} | around {amount} | approximately {amount}",
         "de": "etwa {amount} | ungefähr {amount} | rund {amount} | ca. {amount}",
         "es": "aproximadamente {amount} | alrededor de {amount}"},
        {"en": "more than {amount} | over {amount}", "de": "mehr als {amount} | über {amount}",
         "es": "más de {amount}"},
        {"en": "less than {amount}", "de": "weniger als {amount}", "es": "menos de {amount}"},
        {"en": "at least {amount}", "de": "mindestens {amount}", "es": "al menos {amount}"},
        {"en": "up to {amount}", "de": "bis zu {amount_dative}", "es": "hasta {amount}"},
        {"en": "only {amount} | just {amount}", "de": "nur {amount}",
         "es": "solo {amount} | sólo {amount}"},
        {"en": "almost {amount} | nearly {amount}", "de": "fast {amount}", "es": "casi {amount}"},
    ),
}  # fmt: skip


def frames(shape: str, source: str, target: str) -> list[tuple[list[str], str]]:
    """For each meaning that both languages have: ways to write it in the source, and the standard
    way in the target.

    If two meanings have one phrase in the source, it is translated as the first of them, so that a
    model is not trained on two answers to one question.
    """
    found: dict[str, str] = {}
    result: list[tuple[list[str], str]] = []
    for meaning in FRAMES[shape]:
        if source in meaning and target in meaning:
            translation = meaning[target].split(" | ")[0]
            ways = meaning[source].split(" | ")
            ways = [way for way in ways if found.setdefault(way, translation) == translation]
            if ways:
                result.append((ways, translation))
    return result
