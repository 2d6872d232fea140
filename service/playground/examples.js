// Example texts by model, by language, and for any other model.

export const CLASSIFY = {
  any: [
    "An unforgettable film, quietly devastating, with a wonderful lead.",
    "It starts as a clever thriller, but the last hour is dull and far too long.",
    "Two hours of noise and not one idea.",
  ],
  "emotion-en": [
    "Thank you so much, I did not expect this at all!",
    "I'm scared of what comes next.",
    "Haha, that is hilarious, but I feel sorry for him.",
  ],
};

export const TAG = {
  any: [
    "Angela Merkel flew from Berlin to New York to speak at the United Nations.",
    "Grace Hopper taught at Vassar College before she joined the Navy in Massachusetts.",
    "Tim Cook of Apple met Angela Merkel in Berlin.",
  ],
  "pos-en": ["Time flies like an arrow; fruit flies like a banana.", "The old man the boats."],
  "ner-conll03": [
    "England beat the Netherlands 2-0 at Wembley, the BBC said on Saturday.",
    "Angela Merkel flew from Berlin to New York to speak at the United Nations.",
  ],
};

export const TRANSLATE = {
  any: [
    "I have never seen him before.",
    "Where did you meet Ada Lovelace?\n\nI live in room 17.",
    "If it rains tomorrow, we will stay at home.",
  ],
  de: [
    "Ich habe ihn noch nie gesehen.",
    "Das ist nicht mein Hund.",
    "Wenn es morgen regnet, bleiben wir zu Hause.",
  ],
  es: [
    "Nunca lo había visto antes.",
    "¿Dónde está la estación de tren?",
    "Si llueve mañana, nos quedaremos en casa.",
  ],
  "translate-en-de-multi30k": [
    "A young girl in a red dress is climbing up a tree.",
    "Two men are playing guitar in front of a small crowd.",
  ],
};

export const GENERATE = {
  any: ["ROMEO:\n", "To be, or not to be", "Enter the KING.\n\nKING:\nMy lords, "],
};
