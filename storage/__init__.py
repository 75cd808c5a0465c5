"""Where bytes live: video containers, Parquet, receipts, DuckDB, GIS files, model weights."""
