"""How the default models are made: from the data sets to exported, evaluated model directories."""
