"""The text of HTML: without tags and comments, and with character references resolved.

    sent     <p>Caf&eacute; <b>Oslo</b></p><p>R&amp;D
    text     Café Oslo, R&D, each on a line of its own

Time is linear in the length of the source, whatever it is.
"""

import html
import re
from html.entities import html5

from textrnn.text.normalized import Changes, Normalized

_INLINE = (
    "a abbr b bdi bdo cite code data del dfn em font i ins kbd mark q s samp small span strike "
    "strong sub sup time tt u var wbr"
)
_MARKUP = re.compile(
    rf"""
      <!-- .*? (?: --> | \Z )
    | < (?P<hidden> script | style ) \b [^<>]* > .*? (?: </ (?P=hidden) [^<>]* > | \Z )
    | < /? (?P<inline> {"|".join(_INLINE.split())} ) (?: [\s/] [^<>]* )? >
    | < [/!?]? [a-z] [^<>]* >
    | (?P<reference> & (?: \#\d{{1,7}} | \#x[0-9a-f]{{1,6}} | [a-z][a-z0-9]{{1,31}} ) ; )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def html_text(source: str) -> Normalized:
    """The text of a piece of HTML. A tag that is not inline is a line break."""
    changes = Changes(source)
    for match in _MARKUP.finditer(source):
        if reference := match["reference"]:
            if reference[1] == "#" or reference[1:] in html5:
                changes.replace(*match.span(), html.unescape(reference))
        else:
            changes.replace(*match.span(), "" if match["inline"] else "\n")
    return changes.normalized()
