"""Why a lost session was lost."""
