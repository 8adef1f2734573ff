"""A behaviour suite: what a model should do, one capability at a time, in sentences written for it.

The idea, and the three kinds of test, are those of CheckList (Ribeiro et al. 2020, "Beyond
Accuracy", https://aclanthology.org/2020.acl-main.442); every sentence here was written for this
project. The suite only measures: nothing of it is trained on. It prompted one change of recipe,
which was tried and dropped (``training/README.md``).
"""
