"""Dense depth from one picture: networks that the user brings, and the three kinds of depth that they give."""
