"""Made short texts in English with labels, from templates: opinions, for sentiment, and emotions.

People rate with stars and emoji, reverse a judgement with one word ("not bad", "I have never had a
better meal"), and complain without a word that sounds bad ("it arrived two weeks late"). Training
text has few of these, and a network that was trained on it counts words. Templates cover them
systematically, as the tests of Ribeiro et al. (2020, Beyond Accuracy) do. They are this project's
own.
"""
