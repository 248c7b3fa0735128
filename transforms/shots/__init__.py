"""Shot boundaries from small pictures, and the division of shots into candidate clips."""
