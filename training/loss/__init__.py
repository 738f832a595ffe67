"""How the judge of lost sessions is made and measured."""
