"""Schedules: what starts a site's nights with what machines already have: systemd, cron or Kubernetes."""
