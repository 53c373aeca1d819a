"""Where it began: AlexNet trained from nothing, beside a network that knows pictures already."""

import streamlit as st

from dashboard.ui import pickers, racing

st.title("AlexNet, 2012")
st.write(
    "Five convolutions and three dense layers, trained for six days on 1.2 million pictures. Its five guesses among a "
    "thousand classes missed the right one on 15.3 % of the pictures, where the next best that year missed it on "
    "26.2 %; what you use here began with it "
    "([Krizhevsky, Sutskever and Hinton, 2012](https://papers.nips.cc/paper/4824)). Here it starts from random "
    "numbers: all it will ever know it must learn from your pictures."
)
racing.blocks()
st.caption(
    "Blocks 1 to 5 are convolutions (96 filters of 11 x 11 every 4 pixels, 256 of 5 x 5, then 384, 384 and 256 of "
    "3 x 3), 6 and 7 have 4096 units each. Blocks 1, 2 and 5 end with overlapping max pooling, 1 and 2 are normalised "
    "over neighbouring filters, 2, 4 and 5 come in two halves, one for each of its two graphics cards."
)

st.subheader("Why one freezes")
dataset = pickers.dataset("trains AlexNet and a pretrained network on them, side by side")
racing.panel(dataset)
