"""The population mock: a stand-in for the national population database that holds synthetic people only."""
