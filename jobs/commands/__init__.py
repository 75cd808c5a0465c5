"""What commands do: functions of a ``jobs.site.Site`` that ``cli`` and ``nightshift`` call."""
