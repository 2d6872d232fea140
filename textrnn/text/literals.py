"""The parts of a text that a translation repeats as they stand: its literals.

    Hi {name}, it is -5 °C at https://example.org 😀
       ------        -----    -------------------- --

They are placeholders of templates, markup, addresses, code, numbers with their units, and emoji.
Numbers may be written differently in the target language: see textrnn/text/numbers.py.
"""

from collections.abc import Iterator

import regex

from textrnn.text.treebank import Offsets

_UNITS = (
    "km/h m/s mph kWh kW MW mAh "
    "kg mg g t km cm mm nm m dm ml cl dl l "
    "km² m² cm² km2 m2 m³ m3 "
    "TB GB MB kB KB Mbit Gbit GHz MHz kHz Hz dB kcal kJ hPa bar px "
    "EUR USD GBP CHF"
)
_UNIT = "|".join(sorted(map(regex.escape, _UNITS.split()), key=len, reverse=True))
_EMOJI = r"""
    \p{Regional_Indicator}{2}
  | [0-9\#*] \ufe0f? \u20e3
  | \p{Extended_Pictographic} [\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*
    (?: \u200d \p{Extended_Pictographic} [\ufe0f\U0001f3fb-\U0001f3ff]* ){0,8}
"""

_LITERAL = regex.compile(
    rf"""
      (?: https?:// | www\. ) [^\s<>"]* [^\s<>".,;:!?'’”)\]}}*_]
    | [\p{{L}}\p{{N}}._+-]{{1,64}}+
      @ [\p{{L}}\p{{N}}-]{{1,64}} (?: \. [\p{{L}}\p{{N}}-]{{1,64}} ){{1,8}}
    | ` [^`\n]{{1,200}} `                                       # code
    | < (?: / \s? )? [\p{{L}}\p{{N}}] [^<>\n]{{0,200}} >         # <b>  </0>  <br/>
    | & (?: \# [0-9]{{1,7}} | \#x [0-9a-fA-F]{{1,6}} | \p{{L}}[\p{{L}}\p{{N}}]{{1,30}} ) ;
    | [$\#]? \{{\{{ [^{{}}\n]{{1,80}} \}}\}}                         # {{{{ name }}}}
    | [$\#@]? \{{ [^{{}}\n]{{0,80}} \}}                            # {{name}}  ${{name}}
    | \[\[ [^\[\]\n]{{1,80}} \]\]                                # [[name]]
    | \$t \( [^()\n]{{1,80}} \)                                  # $t(key)
    | (?<! \p{{N}} ) % (?: \( [\p{{L}}\p{{N}}_.]{{1,64}} \) )? (?: [0-9]+ \$ )? [-+0\#]* [0-9]*
      (?: \. [0-9]+ )? (?: hh? | ll? | [Lzjt] )? [sdiufeEgGxXoc@] (?! [\p{{L}}\p{{N}}_] )
    | \$ [\p{{L}}_][\p{{L}}\p{{N}}_]* (?! [\p{{L}}\p{{N}}_] )        # $name
    | \]\( [^()\s]{{1,200}} \)                                  # the address of [a link](...)
    | \[ [ xX]? \]                                            # [x]
    | (?<! [\p{{L}}\p{{N}}] ) [@\#] [\p{{L}}_] [\p{{L}}\p{{N}}_]*     # @mention  #hashtag
    # *emphasis* begins and ends
    | (?<! [\p{{L}}\p{{N}}*_~] ) (?: \*{{1,3}} | _{{1,3}} | ~~ ) (?= [\p{{L}}\p{{N}}({{\[<"'] )
    | (?<= [\p{{L}}\p{{N}}.,:;!?)\]}}>"'%] )
      (?: \*{{1,3}} | _{{1,3}} | ~~ ) (?! [\p{{L}}\p{{N}}*_~] )
    | (?<! \S ) [:;=] [-'^]? [()DPp|*/\\] (?! [\p{{L}}\p{{N}}] )    # :-)
    | (?<! [\p{{L}}\p{{N}}_.,] )
      (?: (?<! [\p{{L}}\p{{N}})\]] ) [-−+±] )? [$€£¥]? (?: (?<= [$€£¥] ) \s? )?
      \p{{N}}++ (?: [.,:/] \p{{N}}++ )*+
      (?: \s? (?: [%‰€£¥$] | °[CF]? | (?: {_UNIT} ) (?! [\p{{L}}\p{{N}}_] ) ) )?+
      (?! (?! (?: st | nd | rd | th ) (?! \p{{L}} ) ) [\p{{L}}\p{{M}}_] )
    | {_EMOJI}
    """,
    regex.VERBOSE,
)


def literals(text: str) -> Iterator[Offsets]:
    """Offsets of the literals of `text`, in order.

    >>> text = "Hi {name}, pay $4.50 or 3 kg of <b>it</b> to @ann!"
    >>> [text[start:end] for start, end in literals(text)]
    ['{name}', '$4.50', '3 kg', '<b>', '</b>', '@ann']
    """
    return (match.span() for match in _LITERAL.finditer(text))
