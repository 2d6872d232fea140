"""Made opinions in English, for sentiment: ratings, emoji, and negation.

People rate with stars and emoji, and reverse a judgement with one word ("not bad", "I have never
had a better meal"). Training text has few of these, and a network that was trained on it counts
words that sound good or bad. Templates cover them systematically, as the tests of Ribeiro et al.
(2020, Beyond Accuracy) do.

    {good}, {bad}         an adjective          {noun}          a thing without an article
    {thing}, {other}      with its article      {time}, {place} of a plain statement
"""

import random
import re
from collections.abc import Iterator

POSITIVE, NEUTRAL, NEGATIVE = "positive", "neutral", "negative"


def _split(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split(" | ")]


_WORDS = {
    "good": _split("""
good | great | excellent | amazing | wonderful | fantastic | perfect | lovely | brilliant | nice
awesome | superb | beautiful | helpful | delightful | impressive | outstanding | pleasant
terrific | enjoyable
"""),
    "bad": _split("""
bad | terrible | awful | horrible | poor | disappointing | boring | useless | dreadful
disgusting | annoying | ugly | rubbish | unacceptable | appalling | pathetic | unpleasant | dull
shoddy
"""),
    "noun": _split("""
meal | film | movie | book | hotel | room | phone | app | product | service | place | restaurant
concert | game | show | song | camera | laptop | coffee | cake | pizza | breakfast | experience
course | teacher | driver | delivery | website | story | present | holiday | flight | party
bed | shirt | jacket | update | seller
"""),
    "time": _split("""
today | tomorrow | yesterday | on Monday | at noon | at six | at 9 am | this evening | next week
every Friday | in July | last year | until five | after lunch | in the morning | twice a week
"""),
    "place": _split("""
the office | the station | the bank | the library | the kitchen | the garden | school | the park
the corner | the second floor | Main Street | London | the town hall | the hospital | the table
"""),
    "person": _split("""
My sister | My brother | He | She | Our neighbour | The teacher | My father | Anna | Tom
The driver
"""),
    "number": _split("""
two | three | four | five | six | ten | twelve | twenty
"""),
    "color": _split("""
red | blue | green | black | white | grey | yellow
"""),
    "very": _split("""
very | really | so | extremely | absolutely | quite | pretty | truly | just
"""),
}  # fmt: skip

_TEMPLATES = {
    POSITIVE: _split("""
{good} | {very} {good} | so {good} | how {good} | what a {good} {noun} | a {good} {noun}
{thing} is {good} | {thing} was {very} {good} | {thing} is always {good}
{thing} is not {bad} | {thing} isn't {bad} at all | {thing} was not {bad} | not {bad} at all
not a {bad} {noun} | not a bad {noun} at all | not bad | not bad at all | never {bad}
{thing} is anything but {bad} | there is nothing {bad} about {thing} | far from {bad}
I have never had a better {noun} | I've never seen a better {noun} | never had a better {noun}
{thing} couldn't be better | it doesn't get better than this | it could not have been better
the best {noun} ever | the best {noun} I have ever had | one of the best | simply the best
I love {thing} | I love it | I really like {thing} | I like it a lot | we loved {thing}
I don't hate it, I love it | I can't say anything bad about {thing}
I didn't expect it to be so {good}
I can't complain | no complaints | nothing to complain about | not a single complaint
I would recommend {thing} | I'd recommend it to anyone | highly recommended
I can only recommend it
I can't recommend {thing} enough | I would buy it again | I'll be back | I can't wait to come back
worth every penny | worth the money | well worth it | money well spent | great value
it never disappoints | {thing} did not disappoint | I was not disappointed | no regrets
{thing} made my day | made me smile | put a smile on my face | I'm so happy with {thing}
thank you so much | thanks for the {good} {noun} | well done | keep it up | you are the best
it works perfectly | works like a charm | does what it should | exactly what I needed
finally it works
I was afraid that {thing} would be {bad}, but it was {good}
I thought it would be {bad}; I was wrong
it is hard not to like {thing} | you can't go wrong with {thing} | nothing beats {thing}
{thing} exceeded my expectations | better than expected | better than I thought
fast and {good} | {good} and {good} | {good}, {good}, {good}
"""),
    NEGATIVE: _split("""
{bad} | {very} {bad} | so {bad} | how {bad} | what a {bad} {noun} | a {bad} {noun}
{thing} is {bad} | {thing} was {very} {bad} | {thing} is always {bad}
{thing} is not {good} | {thing} isn't {good} | {thing} was not {good} | not {good} at all
not a {good} {noun} | not good | not very {good} | not {good} | no {good} {noun} at all
{thing} is anything but {good} | there is nothing {good} about {thing} | far from {good}
I have never had a worse {noun} | I've never seen a worse {noun} | never had a worse {noun}
{thing} couldn't be worse | it doesn't get worse than this | it could not have been worse
the worst {noun} ever | the worst {noun} I have ever had | one of the worst | simply the worst
I hate {thing} | I hate it | I really dislike {thing} | I don't like it
I don't like {thing} at all
I can't say anything good about {thing} | I do not love {thing} | nobody likes {thing}
I want my money back | waste of money | a waste of time | not worth the money | what a waste
I wouldn't recommend {thing} | I can't recommend it | I would not recommend it to anyone | avoid
avoid it
I would not buy it again | never again | I won't be back | I will never come back | stay away
I was disappointed | {thing} disappointed me | I expected better | I expected more | such a let-down
I regret buying {thing} | I wish I had not bought it | {thing} ruined my day
I'm so unhappy with {thing}
it doesn't work | {thing} stopped working after a week | broke after two days | it never worked
{thing} crashes all the time | why is {thing} so {bad}? | how can a {noun} be so {bad}?
I thought that {thing} would be {good}, but it was {bad} | I thought it would be {good}; I was wrong
it is hard to like {thing} | {thing} fell short of my expectations | worse than expected
too expensive | far too expensive | too slow and too loud | nobody answered
still waiting for {thing}
no thanks to {thing} | shame on you | you should be ashamed | this is not acceptable
slow and {bad} | {bad} and {bad} | {bad}, {bad}, {bad}
"""),
    NEUTRAL: _split("""
it's ok | it's okay | so-so | average | nothing special | neither good nor bad | it is what it is
not great, not terrible | could be better, could be worse | some parts are {good}, others are {bad}
{thing} was {good}, but {other} was {bad} | {thing} was {bad}, but {other} was {good}
{thing} opens {time} | {thing} closes {time} | the meeting is {time} | the train leaves {time}
{person} works in {place} | {person} lives near {place} | {person} is at {place}
{person} was at {place} {time}
{person} bought a {noun} {time} | {person} is reading a {noun}
{person} put the {noun} on the table
{thing} is in {place} | the {noun} is {color} | the {noun} and the {noun} are {color}
where is {thing}? | where is {place}? | how much is {thing}? | when does {thing} start?
what time is it?
do you have a {color} {noun}? | is {thing} open {time}? | can I pay by card?
how do I get to {place}?
I ordered a {noun} {time} | I have a {noun} | I will call you {time}
we are going to {place} {time}
there are {number} people at {place} | there are {number} rooms | it has {number} doors
the {noun} comes in {color} and {color} | the {noun} costs {number} dollars
page {number} of {number}
hello | hi | good morning | good evening | see you {time} | please wait | new | open | closed
the results will be posted {time} | please send me {thing} | the address is on the website
"""),
}  # fmt: skip
_EMOJI = {
    POSITIVE: [
        *"😀😃😄😁😊😍🥰😘🤩😎🥳👍👏🙌💪🔥🎉💯✨😋🤗😇💛💚💙💜🧡🏆🌟😻👌",
        "❤️", "☺️", ":)", ":-)", ":D", "<3",
    ],
    NEGATIVE: [*"😞😔😢😭😡😠🤬🤮🤢👎💔😤😩😫🙄😒😖😣😱💩😾", "☹️", ":(", ":-(", ":'("],
    NEUTRAL: [*"😐😑🤔📅📍📞🏠🚗📦📷🕐"],
}  # fmt: skip
_NUMBERS = _split("no | one | two | three | four | five | six | seven | eight | nine | ten")
_MARKS = {
    5: {NEGATIVE: (1, 2), NEUTRAL: (3, 3), POSITIVE: (4, 5)},
    10: {NEGATIVE: (1, 4), NEUTRAL: (5, 7), POSITIVE: (8, 10)},
}
"""By the best mark: the lowest and the highest mark of each label."""
_FIELD = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\ba(?= [aeiou](?!seful|seless))")
_PRAISE = {
    POSITIVE: ("would buy again", "highly recommended", "loved it", "thank you", "perfect"),
    NEUTRAL: ("it's ok", "average", "nothing special"),
    NEGATIVE: ("avoid", "never again", "would not buy again", "disappointed", "waste of money"),
}


def made_opinions(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` texts, each with its label: a function of the arguments."""
    chance = random.Random(seed)
    for _ in range(count):
        label = chance.choice((POSITIVE, NEUTRAL, NEGATIVE))
        make = chance.choices((_sentence, _rating, _emoji), (8, 1, 1))[0]
        yield make(label, chance), label


def _sentence(label: str, chance: random.Random) -> str:
    template = chance.choice(_TEMPLATES[label])
    text = _FIELD.sub(lambda match: _fill(match[1], chance), template)
    text = _ARTICLE.sub("an", text)
    text = text[0].upper() + text[1:] if chance.random() < 0.7 else text
    loud = label != NEUTRAL
    if text[-1] != "?":
        text += chance.choices(("", ".", "!", "!!"), (8, 8, 3 * loud, loud))[0]
    if loud and chance.random() < 0.08:
        text += f" {chance.choice(_EMOJI[label])}"
    return text


def _fill(field: str, chance: random.Random) -> str:
    if field in ("thing", "other"):
        return f"{chance.choice(('the', 'this', 'the', 'my'))} {chance.choice(_WORDS['noun'])}"
    return chance.choice(_WORDS[field])


def _rating(label: str, chance: random.Random) -> str:
    """A mark in digits, words or stars, some with a remark."""
    most = chance.choice((5, 5, 10))
    mark = chance.randint(*_MARKS[most][label])
    stars = chance.choice((str(mark), _NUMBERS[mark])) + (" star" if mark == 1 else " stars")
    forms = [f"{mark}/{most}", f"{mark} out of {most}", f"{_NUMBERS[mark]} out of {_NUMBERS[most]}"]
    if most == 5:
        forms += [stars, stars.capitalize(), "★" * mark + "☆" * (5 - mark), "⭐" * mark]
    text = chance.choice(forms)
    if chance.random() < 0.3:
        text = f"{text}{chance.choice((', ', ' ', '. '))}{chance.choice(_PRAISE[label])}"
    return text


def _emoji(label: str, chance: random.Random) -> str:
    emoji = chance.choice(_EMOJI[label])
    if chance.random() < 0.3:
        return emoji + chance.choice(_EMOJI[label])
    return emoji * chance.choices((1, 2, 3), (6, 2, 2))[0]
