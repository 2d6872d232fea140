"""Rows for each shipped model, written for the tests, with the answers that a good model gives.

They resemble the development sets and are easy for the shipped models: a model that was trained
worse, stored wrongly or swapped fails several of them.
"""

SENTIMENT = {
    "positive": [
        "A warm, funny and beautifully acted film.",
        "I could watch this again and again.",
        "One of the best comedies of the year.",
        "The cast is superb and the story moving.",
        "A small masterpiece.",
        "Brilliant from the first scene to the last.",
        "It made me laugh, and it made me cry; I loved it.",
        "An absolute delight for the whole family.",
        "Great music, great pictures, great fun.",
        "This is a wonderful book that I recommend to everyone.",
        "Not a bad film.",
        "10/10",
    ],
    "negative": [
        "A dull and lifeless film.",
        "I want my two hours back.",
        "The worst sequel that I have ever seen.",
        "The plot is a mess and the jokes are not funny.",
        "Boring, predictable and far too long.",
        "Terrible acting ruins a weak script.",
        "It is neither exciting nor clever.",
        "I fell asleep halfway through.",
        "Do not waste your money on this.",
        "I didn't like it.",
        "My parcel arrived two weeks late, and broken.",
        "★☆☆☆☆",
    ],
    "neutral": [
        "The shop opens at nine.",
        "My brother lives in Hamburg.",
        "What time does the museum open?",
        "The meeting is on Tuesday.",
        "There are three chairs in the room.",
    ],
}

EMOTION = {
    "gratitude": ["Thank you so much for your help!"],
    "amusement": ["Haha, that is hilarious!"],
    "remorse": ["I am so sorry, please forgive me."],
    "anger": ["This makes me so angry!"],
    "curiosity": ["What time is it, does anyone know?"],
    "fear": ["I am terrified of spiders."],
    "sadness": ["I feel so sad and lonely today."],
    "admiration": ["Congratulations, great job!"],
    "disgust": ["That is disgusting."],
    "optimism": ["Things will get better, I'm sure."],
    "caring": ["I hope you feel better soon."],
    "neutral": ["The train leaves at noon.", "I'm not angry at all."],
    "surprise": ["Wow, I did not expect that!"],
}

LANGUAGE = {
    "en": [
        "Where is the nearest railway station?",
        "They have lived in this house for years.",
        "good morning",
        "my brother",
        "Our train leaves at half past nine.",
        "an old friend",
    ],
    "de": [
        "Wo ist der nächste Bahnhof?",
        "Sie wohnen seit Jahren in diesem Haus.",
        "guten Morgen",
        "mein Bruder",
        "Unser Zug fährt um halb zehn.",
        "ein alter Freund",
    ],
    "fr": ["La gare est fermée le dimanche.", "bonne nuit"],
    "es": ["Mañana vamos a la playa con los niños.", "buenas noches"],
    "it": ["Il treno parte alle otto di mattina."],
    "pl": ["Nie wiem, gdzie są moje klucze."],
    "tr": ["Bugün hava çok güzel."],
    "ru": ["Я не знаю, где мои ключи.", "ДОБРО ПОЖАЛОВАТЬ"],
    "uk": ["Я не знаю, де мої ключі."],
    "el": ["Δεν ξέρω πού είναι τα κλειδιά μου."],
    "ar": ["لا أعرف أين مفاتيحي."],
    "hi": ["मुझे नहीं पता कि मेरी चाबियाँ कहाँ हैं।"],
    "zh": ["我不知道我的钥匙在哪里。"],
    "ja": ["鍵がどこにあるかわかりません。"],
    "ko": ["열쇠가 어디 있는지 모르겠어요."],
    "und": ["+49 170 555 01 23", "???", "12:45", "🎉🎉", "https://ab12.io/x?y=3", "x = 2 * 3"],
}

PEOPLE_AND_PLACES = {
    "Angela Merkel flew from Berlin to New York.": [
        ("Angela Merkel", "PER"),
        ("Berlin", "LOC"),
        ("New York", "LOC"),
    ],
    "Maria Sharapova beat Serena Williams in London.": [
        ("Maria Sharapova", "PER"),
        ("Serena Williams", "PER"),
        ("London", "LOC"),
    ],
    "Apple opened a new store in Paris on Monday.": [("Apple", "ORG"), ("Paris", "LOC")],
    "Mr. Brown lives in Germany.": [("Brown", "PER"), ("Germany", "LOC")],
    "Toyota and Microsoft signed a contract in Tokyo.": [
        ("Toyota", "ORG"),
        ("Microsoft", "ORG"),
        ("Tokyo", "LOC"),
    ],
    "The weather was fine and nobody came.": [],
}

PARTS_OF_SPEECH = {
    "The old man quickly closed the door.": "DET ADJ NOUN ADV VERB DET NOUN PUNCT",
    "She reads three books in London.": "PRON VERB NUM NOUN ADP PROPN PUNCT",
    "Dogs bark loudly.": "NOUN VERB ADV PUNCT",
}

ENGLISH_TO_GERMAN = {
    "I am very tired today.": ["Ich bin heute sehr müde."],
    "Where is the train station?": ["Wo ist der Bahnhof?"],
    "She has two brothers.": ["Sie hat zwei Brüder."],
    "Tom does not speak French.": ["Tom spricht kein Französisch."],
    "The weather is nice.": ["Das Wetter ist schön."],
    "We live in a big house.": [
        "Wir leben in einem großen Haus.",
        "Wir wohnen in einem großen Haus.",
    ],
    "He drinks coffee every morning.": ["Er trinkt jeden Morgen Kaffee."],
    "I do not know.": ["Ich weiß nicht.", "Ich weiß es nicht."],
}

GERMAN_TO_ENGLISH = {
    "Ich bin heute sehr müde.": ["I'm very tired today.", "I am very tired today."],
    "Wo ist der Bahnhof?": [
        "Where is the station?",
        "Where's the station?",
        "Where is the train station?",
    ],
    "Sie hat zwei Brüder.": ["She has two brothers."],
    "Tom spricht kein Französisch.": ["Tom doesn't speak French.", "Tom does not speak French."],
    "Das Wetter ist schön.": [
        "The weather is beautiful.",
        "The weather is nice.",
        "The weather is fine.",
    ],
    "Wir wohnen in einem großen Haus.": ["We live in a big house.", "We live in a large house."],
    "Er trinkt jeden Morgen Kaffee.": [
        "He drinks coffee every morning.",
        "He has coffee every morning.",
    ],
    "Das ist nicht mein Hund.": [
        "This isn't my dog.",
        "That isn't my dog.",
        "That's not my dog.",
        "This is not my dog.",
    ],
}

ENGLISH_TO_SPANISH = {
    "I am very tired today.": ["Hoy estoy muy cansado.", "Estoy muy cansado hoy."],
    "Where is the train station?": [
        "¿Dónde está la estación de tren?",
        "¿Dónde está la estación?",
        "¿Dónde está la estación de trenes?",
    ],
    "She has two brothers.": ["Ella tiene dos hermanos.", "Tiene dos hermanos."],
    "Tom does not speak French.": ["Tom no habla francés."],
    "We live in a big house.": [
        "Vivimos en una casa grande.",
        "Nosotros vivimos en una casa grande.",
    ],
    "He drinks coffee every morning.": [
        "Él toma café todas las mañanas.",
        "Él bebe café todas las mañanas.",
        "Bebe café todas las mañanas.",
        "Toma café todas las mañanas.",
        "Él toma café cada mañana.",
        "Él bebe café cada mañana.",
    ],
    "I do not know.": ["No sé.", "No lo sé."],
}

SPANISH_TO_ENGLISH = {
    "Hoy estoy muy cansado.": [
        "I'm very tired today.",
        "I am very tired today.",
        "Today I am very tired.",
        "Today I'm very tired.",
    ],
    "¿Dónde está la estación?": ["Where is the station?", "Where's the station?"],
    "Ella tiene dos hermanos.": ["She has two brothers."],
    "Tom no habla francés.": ["Tom doesn't speak French.", "Tom does not speak French."],
    "Vivimos en una casa grande.": ["We live in a big house.", "We live in a large house."],
    "No es mi perro.": [
        "It's not my dog.",
        "It isn't my dog.",
        "It is not my dog.",
        "He's not my dog.",
        "He isn't my dog.",
    ],
    "¿Cuántos años tienes?": ["How old are you?"],
}

CAPTIONS = {
    "Two men are standing in front of a building.": ["Zwei Männer stehen vor einem Gebäude."],
    "A little girl in a red dress plays in the park.": [
        "Ein kleines Mädchen in einem roten Kleid spielt im Park."
    ],
    "A dog is running through the snow.": [
        "Ein Hund rennt durch den Schnee.",
        "Ein Hund läuft durch den Schnee.",
    ],
    "A man plays the guitar on a stage.": [
        "Ein Mann spielt auf einer Bühne Gitarre.",
        "Ein Mann spielt Gitarre auf einer Bühne.",
    ],
    "Three children sit on a bench.": ["Drei Kinder sitzen auf einer Bank."],
    "A woman is riding a bicycle.": [
        "Eine Frau fährt Fahrrad.",
        "Eine Frau fährt auf einem Fahrrad.",
    ],
}

PLAY = """\
HAMLET:
To be, or not to be: that is the question:
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune,
Or to take arms against a sea of troubles,
And by opposing end them? To die: to sleep;
No more; and by a sleep to say we end
The heart-ache and the thousand natural shocks
That flesh is heir to, 'tis a consummation
Devoutly to be wish'd. To die, to sleep;
To sleep: perchance to dream: ay, there's the rub;
For in that sleep of death what dreams may come
When we have shuffled off this mortal coil,
Must give us pause: there's the respect
That makes calamity of so long life;
"""
"""From a play outside the training data."""
