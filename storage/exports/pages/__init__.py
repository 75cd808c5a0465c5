"""What the HTML pages share: plots of Bokeh whose script is in the page, local times of axes, and one look.

Why Bokeh, and how a page stays without a network: docs/decisions/0065-pages-of-bokeh.md.
"""
