"""What keeps a store sound, small and within the law: audits, repair, compaction, retention, claims."""
