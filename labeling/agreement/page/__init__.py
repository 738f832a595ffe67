"""The page agreement.html."""
