"""What training is fed out of corpora: windows of kept clips, at random places or as an endless stream."""
